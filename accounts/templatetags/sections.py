"""The tabs of a company's area and of a person's own."""

from typing import Any

from django import template
from django.urls import reverse

from accounts.belonging import group_of
from accounts.models import Membership
from accounts.sections import COMPANY, PERSONAL, Section

register = template.Library()


@register.inclusion_tag("partials/sections.html", takes_context=True)
def company_sections(context: dict[str, Any]) -> dict[str, Any]:
    """The pages of the company's area that this member may open."""
    return _tabs(context, COMPANY)


@register.inclusion_tag("partials/personal_sections.html", takes_context=True)
def personal_sections(context: dict[str, Any]) -> dict[str, Any]:
    """The pages of one's own area."""
    return _tabs(context, PERSONAL)


def _tabs(context: dict[str, Any], sections: tuple[Section, ...]) -> dict[str, Any]:
    request = context["request"]
    membership: Membership | None = getattr(request, "membership", None)
    shown = [
        (section, reverse(section.url_name))
        for section in sections
        if (section.permission is None or (membership is not None and membership.may(section.permission)))
        and (not section.only_in_group or group_of(getattr(request, "memberships", [])))
    ]
    # The longest address that the page lies below: the overview's is the beginning of all others.
    here = max((url for _section, url in shown if request.path.startswith(url)), key=len, default="")
    tabs = [{"label": one.label, "url": url, "icon": one.icon, "is_current": url == here} for one, url in shown]
    return {"tabs": tabs}
