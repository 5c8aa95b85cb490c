from django.urls import path

from accounts.views import company, files

app_name = "accounts"

urlpatterns = [
    path("company/", company.company, name="company"),
    path("company/profile/", company.company_profile, name="company-profile"),
    path("company/switch/", company.switch_account, name="switch"),
    path("files/<uuid:public_id>/", files.download, name="download"),
]
