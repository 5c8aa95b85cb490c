"""The customer API: the same objects as the pages, the same permissions, the session of the browser."""

from ninja import NinjaAPI
from ninja.security import django_auth

api = NinjaAPI(title="Customer portal", version="1", auth=django_auth, urls_namespace="api")
