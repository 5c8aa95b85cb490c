"""Things that every app contributes to: modules of one name, found in each app that has one."""

from importlib import import_module
from types import ModuleType

from django.apps import apps
from django.conf import settings
from django.utils.module_loading import module_has_submodule


def provided(name: str) -> list[ModuleType]:
    """The modules called `name` of the portal's own apps, lowest app first."""
    configs = [config for config in apps.get_app_configs() if config.name in settings.LOCAL_APPS]
    return [
        import_module(f"{config.name}.{name}")
        for config in configs
        if config.module is not None and module_has_submodule(config.module, name)
    ]
