from django.urls import path

from accounts.scim import views

app_name = "scim"

urlpatterns = [
    path("ServiceProviderConfig", views.config, name="config"),
    path("ResourceTypes", views.resource_types, name="resource-types"),
    path("ResourceTypes/<str:name>", views.resource_types, name="resource-type"),
    path("Schemas", views.schemas, name="schemas"),
    path("Schemas/<str:uri>", views.schemas, name="schema"),
    path("Users", views.users, name="users"),
    path("Users/.search", views.search_users, name="search-users"),
    path("Users/<str:public_id>", views.user, name="user"),
    path("Groups", views.groups, name="groups"),
    path("Groups/.search", views.search_groups, name="search-groups"),
    path("Groups/<str:public_id>", views.group, name="group"),
    path(".search", views.search_all, name="search"),
    path("Me", views.me, name="me"),
    path("<path:rest>", views.unknown, name="unknown"),
]
