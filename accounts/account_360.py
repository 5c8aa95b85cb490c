"""What the staff see of a company on its page: who it is, and its people."""

from datetime import date
from typing import Any

from allauth.mfa.models import Authenticator
from django.db.models import Exists, F, OuterRef
from django.utils.translation import gettext_lazy as _

from accounts.models import Account, HandoverLine, Membership
from accounts.panels import Panel
from accounts.portfolios import account_team

PEOPLE_SHOWN = 8


def head(account: Account, today: date) -> dict[str, Any]:
    """Tier, industry, stage, the people of ours and who stands in, and the last hand-over. Two queries."""
    lines = HandoverLine.objects.filter(account=account).select_related("handover__taker", "giver")
    return {
        "stage_tone": STAGE_TONES.get(account.lifecycle_stage, "info"),
        "team": account_team(account, today),
        "handed_over": lines.order_by("-handover__made_at", "-pk").first(),
    }


STAGE_TONES = {"growing": "success", "renewing": "warning", "at_risk": "danger"}


def people(account: Account, today: date) -> dict[str, Any]:
    """Those who were here last first, and whether each signs in with a second factor. One query."""
    factors = Authenticator.objects.filter(
        user=OuterRef("user"), type__in=[Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    )
    members = (
        Membership.objects.for_account(account)
        .filter(is_active=True)
        .select_related("user")
        .annotate(has_second_factor=Exists(factors))
        .order_by(F("last_seen_at").desc(nulls_last=True), "pk")
    )
    found: list[Any] = list(members[: PEOPLE_SHOWN + 1])
    shown = found[:PEOPLE_SHOWN]
    return {
        "members": shown,
        "any_second_factor": any(member.has_second_factor for member in shown),
        "has_more": len(found) > PEOPLE_SHOWN,
    }


PANELS = [
    Panel(
        name="company",
        title=_("Company"),
        permission="accounts.view_account",
        order=0,
        template="admin/account_360/company.html",
        context=head,
        is_at_once=True,
    ),
    Panel(
        name="people",
        title=_("People"),
        permission="accounts.view_membership",
        order=60,
        template="admin/account_360/people.html",
        context=people,
        is_at_once=True,
    ),
]
