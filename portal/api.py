"""The customer API: the same objects as the pages, the same permissions, the session of the browser.

Setting orders up is for the vendor's own systems, which show a token instead.
"""

from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI
from ninja.security import django_auth

from cases.api import router as cases
from commerce.api import router as quotes
from commerce.provisioning_api import router as provisioning
from knowledge.api import router as knowledge

# No documentation page: it would load scripts from elsewhere. The schema itself is at openapi.json.
api = NinjaAPI(title="Customer portal", version="1", auth=django_auth, docs_url=None, urls_namespace="api")
api.add_router("/cases", cases)
api.add_router("/quotes", quotes)
api.add_router("/provisioning/steps", provisioning)
api.add_router("/help", knowledge)


def _urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """Operations answer 401 themselves, rather than leading a program to the sign-in page."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern) and pattern.name not in {"api-root", "openapi-json"}:
            login_not_required(pattern.callback)
    return patterns, app_name, namespace


urls = _urls()
