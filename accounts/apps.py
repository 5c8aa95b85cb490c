from anymail.signals import inbound, tracking
from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from accounts import (
            checks,  # noqa: F401  (registers them)
            intake,
        )
        from accounts.audit import security
        from accounts.rules import register
        from accounts.tenancy import after_migrate

        inbound.connect(intake.message_came_in, dispatch_uid="accounts.intake.message")
        tracking.connect(intake.report_came_in, dispatch_uid="accounts.intake.report")
        post_migrate.connect(after_migrate, dispatch_uid="accounts.tenancy")
        security.listen()
        register()
