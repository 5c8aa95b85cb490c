from django.urls import path

from accounts.views import company, domains, files

app_name = "accounts"

urlpatterns = [
    path("company/", company.company, name="company"),
    path("company/profile/", company.company_profile, name="company-profile"),
    path("company/switch/", company.switch_account, name="switch"),
    path("company/domains/", domains.domains, name="domains"),
    path("company/domains/<uuid:public_id>/check/", domains.check, name="domain-check"),
    path("company/domains/<uuid:public_id>/joining/", domains.joining, name="domain-joining"),
    path("company/domains/<uuid:public_id>/remove/", domains.remove, name="domain-remove"),
    path("files/<uuid:public_id>/", files.download, name="download"),
]
