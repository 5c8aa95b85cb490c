"""The routers of cases and help by themselves, at the addresses they have in the portal."""

from django.urls import include, path
from ninja import NinjaAPI
from ninja.security import django_auth

from cases.api import router as cases
from knowledge.api import router as knowledge

api = NinjaAPI(auth=django_auth, urls_namespace="routers")
api.add_router("/cases", cases)
api.add_router("/help", knowledge)

urlpatterns = [path("api/v1/", api.urls), path("", include("portal.urls"))]
