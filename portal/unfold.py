"""How django-unfold dresses the staff's admin; portal.admin_site and portal.sidebar have the functions it names."""

from typing import Any


def configured(*, vendor: str) -> dict[str, Any]:
    """What Django's setting UNFOLD is to be."""
    return {
        "SITE_TITLE": f"{vendor} portal",
        "SITE_HEADER": f"{vendor} portal",
        "SITE_URL": "/",
        "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "portal.admin_site.favicon"}],
        "COLORS": {"primary": "portal.admin_site.brand_shades"},
        "STYLES": ["portal.admin_site.stylesheet"],
        "SCRIPTS": ["portal.admin_site.script"],
        "SHOW_HISTORY": True,
        "SIDEBAR": {"show_search": True, "navigation": "portal.sidebar.navigation"},
    }
