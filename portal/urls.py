"""Every address of the portal."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.generic import RedirectView
from django.views.i18n import set_language

from accounts.views import addresses
from portal import api, errors, group, health, views

urlpatterns = [
    path("", views.home, name="home"),
    path("me/home/", views.arrange_home, name="arrange-home"),
    path("me/home/reset/", views.reset_home, name="reset-home"),
    path("me/first-steps/", views.first_steps, name="first-steps"),
    path("me/tour/", views.tour, name="tour"),
    path("livez", health.livez, name="livez"),
    path("healthz", health.healthz, name="healthz"),
    path("language/", login_not_required(require_POST(set_language)), name="set-language"),
    path("accounts/sessions/", RedirectView.as_view(pattern_name="accounts:sessions")),  # Ours instead of allauth's.
    path("accounts/email/", addresses.addresses, name="account_email"),  # allauth's, with more to say.
    path("accounts/", include("allauth.urls")),
    path("company/group/", group.group, name="group"),
    path("", include("accounts.urls")),
    path("scim/v2/", include("accounts.scim.urls")),
    path("help/", include("knowledge.urls")),
    path("", include("cases.urls")),
    path("", include("commerce.urls")),
    path("", include("recommendations.urls")),
    path("insights/", include("analytics.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
]

if not settings.PRODUCTION:
    urlpatterns.append(path("styleguide/", views.styleguide, name="styleguide"))

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
