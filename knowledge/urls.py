from django.urls import URLPattern, path

from knowledge import views

app_name = "knowledge"

# An article's slug may not be one of the fixed words before it: knowledge.admin refuses those.
urlpatterns: list[URLPattern] = [
    path("", views.help_centre, name="help"),
    path("search/", views.search, name="search"),
    path("suggestions/", views.suggestions, name="suggestions"),
    path("c/<slug:slug>/", views.category, name="category"),
    path("<slug:slug>/", views.article, name="article"),
    path("<slug:slug>/vote/", views.vote, name="vote"),
    path("<slug:slug>/solved/", views.solved, name="solved"),
    path("<slug:slug>/thanks/", views.thanks, name="thanks"),
]
RESERVED_SLUGS = frozenset({"search", "suggestions", "c"})
