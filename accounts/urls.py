from django.urls import path

from accounts import views

app_name = "accounts"

urlpatterns = [
    path("company/", views.company, name="company"),
    path("company/profile/", views.company_profile, name="company-profile"),
    path("company/switch/", views.switch_account, name="switch"),
    path("files/<uuid:public_id>/", views.download, name="download"),
]
