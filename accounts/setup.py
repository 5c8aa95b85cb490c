"""What the accounts app needs before customers come: brand, tiers, mail, and the vendor's own people."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Subquery
from django.db.models.expressions import Combinable
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Installation, MailState, OutgoingMail, Tier, User
from accounts.permissions import StaffGroup
from accounts.setup_items import Facts, Finding, RowCount, SetupGroup, SetupItem, SetupState

MAIL_DAYS = 30
TARGETS = ["target_adoption", "target_deflection", "target_upgrade", "target_renewal"]


def facts(now: datetime) -> Mapping[str, Combinable]:
    """What the checks below go by."""
    last_mail = OutgoingMail.objects.filter(state__in=[MailState.SENT, MailState.FAILED]).order_by("-pk")
    factors = Authenticator.objects.filter(
        user=OuterRef("pk"), type__in=[Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    )
    staff = User.objects.filter(is_staff=True, is_active=True)
    decided = Func(*map(F, TARGETS), function="num_nonnulls", output_field=IntegerField())
    return {
        "tiers": ArraySubquery(Tier.objects.values("name")),
        "mail_state": Subquery(last_mail.values("state")[:1]),
        "mail_error": Subquery(last_mail.values("last_error")[:1]),
        "mail_sent_at": Subquery(last_mail.values("sent_at")[:1]),
        "staff": RowCount(staff),
        "staff_without_factor": RowCount(staff.filter(~Exists(factors))),
        "staffed_groups": ArraySubquery(Group.objects.filter(user__is_active=True).values("name").distinct()),
        "go_live_date": Subquery(Installation.objects.values("go_live_date")),
        "decided_targets": Subquery(Installation.objects.values(decided=decided)),
    }


def tiers(now: datetime, facts: Facts) -> Finding:
    names = facts["tiers"]
    return Finding.when(bool(names), done=", ".join(names), otherwise=_("No tier yet: every company needs one."))


def address(now: datetime, facts: Facts) -> Finding:
    url = settings.PORTAL_BASE_URL
    return Finding.when(
        url.startswith("https://"),
        done=url,
        otherwise=_("%(url)s is not encrypted. Set PORTAL_BASE_URL to an address with https.") % {"url": url},
        state=SetupState.ATTENTION,
    )


def mail(now: datetime, facts: Facts) -> Finding:
    """Whether the last message left, and not too long ago."""
    state, sent_at = facts["mail_state"], facts["mail_sent_at"]
    if state is None:
        return Finding(SetupState.OPEN, _("No mail was sent yet. Send yourself a test mail."))
    if state == MailState.FAILED:
        return Finding(
            SetupState.ATTENTION, _("The last mail was given up: %(error)s") % {"error": facts["mail_error"]}
        )
    is_recent = sent_at is not None and now - sent_at < timedelta(days=MAIL_DAYS)
    return Finding.when(
        is_recent,
        done=_("The last mail left without a problem."),
        otherwise=_("No mail was sent for a month. Send yourself a test mail."),
        state=SetupState.ATTENTION,
    )


def second_factors(now: datetime, facts: Facts) -> Finding:
    """Whether everybody on the staff signs in with a second factor."""
    counts = {"total": facts["staff"], "lacking": facts["staff_without_factor"]}
    without = ngettext(
        "%(lacking)d of %(total)d person on the staff signs in without one.",
        "%(lacking)d of %(total)d people on the staff sign in without one.",
        counts["total"],
    )
    return Finding.when(
        counts["lacking"] == 0,
        done=_("Everybody on the staff has one."),
        otherwise=without % counts,
        state=SetupState.ATTENTION,
    )


def staff_groups(now: datetime, facts: Facts) -> Finding:
    """Whether somebody runs the portal and somebody answers customers."""
    needed = [StaffGroup.SYSTEM_ADMINISTRATOR, StaffGroup.SUPPORT_AGENT, StaffGroup.CUSTOMER_SUCCESS]
    empty = [str(group.label) for group in needed if group.value not in facts["staffed_groups"]]
    return Finding.when(
        not empty,
        done=_("Support, success and administration have their people."),
        otherwise=_("Nobody is in: %(groups)s.") % {"groups": ", ".join(empty)},
    )


def demo_people(now: datetime, facts: Facts) -> Finding:
    return Finding.when(
        not settings.PORTAL_DEMO,
        done=_("No demo people can sign in."),
        otherwise=_("People of the demo can sign in with a public password. Unset PORTAL_DEMO before you open."),
        state=SetupState.ATTENTION,
    )


def go_live(now: datetime, facts: Facts) -> Finding:
    day = facts["go_live_date"]
    if day is None:
        return Finding(SetupState.OPEN, _("Decide when customers come: figures are compared from that day on."))
    return Finding(SetupState.DONE, date_format(day))


def targets(now: datetime, facts: Facts) -> Finding:
    decided, count = facts["decided_targets"] or 0, len(TARGETS)
    return Finding.when(
        decided == count,
        done=_("All targets are decided."),
        otherwise=_("%(decided)d of %(count)d targets are decided.") % {"decided": decided, "count": count},
    )


def _decisions() -> str:
    return f"{reverse('admin:setup')}#decisions"


ITEMS = [
    SetupItem(
        "brand",
        gettext_lazy("Brand"),
        SetupGroup.HOUSE,
        url=lambda: reverse("admin:accounts_brand_changelist"),
        help=gettext_lazy("Set name, legal entity, logo and colours, and look at the portal as a customer."),
    ),
    SetupItem("address", gettext_lazy("Web address"), SetupGroup.HOUSE, url=str, check=address),
    SetupItem("mail", gettext_lazy("Mail"), SetupGroup.CONNECTIONS, url=_decisions, check=mail, facts=facts),
    SetupItem(
        "tiers",
        gettext_lazy("Tiers"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:accounts_tier_changelist"),
        check=tiers,
        facts=facts,
    ),
    SetupItem(
        "staff-groups",
        gettext_lazy("Staff in their groups"),
        SetupGroup.PEOPLE,
        url=lambda: reverse("admin:accounts_user_changelist") + "?is_staff__exact=1",
        check=staff_groups,
        facts=facts,
    ),
    SetupItem(
        "second-factors",
        gettext_lazy("Second factor of the staff"),
        SetupGroup.PEOPLE,
        url=lambda: reverse("mfa_index"),
        check=second_factors,
        facts=facts,
    ),
    SetupItem(
        "sso",
        gettext_lazy("Single sign-on tried with a customer"),
        SetupGroup.PEOPLE,
        url=lambda: reverse("admin:accounts_account_changelist"),
        help=gettext_lazy("Connect one customer's identity provider and sign in through it."),
    ),
    SetupItem("demo", gettext_lazy("Demo people are gone"), SetupGroup.PEOPLE, url=str, check=demo_people),
    SetupItem("go-live", gettext_lazy("Go-live date"), SetupGroup.OPENING, url=_decisions, check=go_live, facts=facts),
    SetupItem("targets", gettext_lazy("Targets"), SetupGroup.OPENING, url=_decisions, check=targets, facts=facts),
    SetupItem(
        "announced",
        gettext_lazy("Customers are told"),
        SetupGroup.OPENING,
        url=lambda: reverse("admin:accounts_account_changelist"),
        help=gettext_lazy("Invite the first companies and say when the portal opens."),
    ),
]
