from django.apps import AppConfig


class CasesConfig(AppConfig):
    name = "cases"
    verbose_name = "Cases"

    def ready(self) -> None:
        from accounts import downloads
        from accounts.permissions import Permission
        from cases.visibility import may_download

        downloads.guard(Permission.VIEW_CASES, may_download)
