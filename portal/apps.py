from collections.abc import Iterator

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.admin import apps as admin_apps
from django.db.models import Field, Model
from django.utils.translation import gettext_lazy, override


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = gettext_lazy("Portal")
    default = True

    def ready(self) -> None:
        """Contribute to what lower rooms show."""
        from commerce.contracts.reviews import contributed_by
        from portal.reviews import service

        contributed_by(service)


class PortalAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "portal.admin_site.PortalAdminSite"

    def ready(self) -> None:
        """Let the admin say in each person's language what rows and fields are called that are named after their code.

        Here and not in every model: what a field is called is no change of the database, and needs no migration. Before
        the admin's modules are imported, as their forms take the fields' names over.
        """
        for label in settings.LOCAL_APPS:
            for model in apps.get_app_config(label).get_models(include_auto_created=True):
                options = model._meta
                options.verbose_name = _translated(options.verbose_name)
                options.verbose_name_plural = _translated(options.verbose_name_plural)
                for field in _columns(model):
                    field.verbose_name = _translated(field.verbose_name)
        super().ready()


def names_in_admin() -> Iterator[tuple[str, str]]:
    """What the admin calls our models and their fields, in English, with the module of the model."""
    from django.contrib import admin

    shown = set(admin.site._registry)
    shown |= {inline.model for one in admin.site._registry.values() for inline in one.inlines}
    with override(None):
        for model in sorted(shown, key=lambda one: one._meta.label):
            if model._meta.app_label in settings.LOCAL_APPS:
                names = [model._meta.verbose_name, model._meta.verbose_name_plural]
                names += [field.verbose_name for field in _columns(model)]
                yield from ((str(name), model.__module__) for name in names)


def _columns(model: type[Model]) -> list["Field[object, object]"]:
    return [*model._meta.local_fields, *model._meta.local_many_to_many]


def _translated(name: object) -> str:
    return gettext_lazy(name) if isinstance(name, str) else name  # type: ignore[return-value]  # Translated already.
