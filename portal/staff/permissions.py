"""Who may what: the tables that pages, rules and the admin itself ask."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from accounts import matrix
from accounts.permissions import Role, StaffGroup


def permissions(request: HttpRequest) -> HttpResponse:
    """Both tables, to everybody on the staff."""
    context = admin.site.each_context(request) | {
        "title": _("Who may what"),
        "tables": [
            (_("What customers' roles may do"), [role.label for role in Role], matrix.customer_rows()),
            (_("What staff groups may do"), [group.label for group in StaffGroup], matrix.staff_rows()),
        ],
    }
    return TemplateResponse(request, "admin/permissions.html", context)
