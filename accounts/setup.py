"""What the accounts app needs before customers come: brand, tiers, mail, and the vendor's own people."""

from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group
from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Installation, MailState, OutgoingMail, Tier, User
from accounts.permissions import StaffGroup
from accounts.setup_items import Finding, SetupGroup, SetupItem, SetupState

MAIL_DAYS = 30


def tiers(now: datetime) -> Finding:
    names = list(Tier.objects.values_list("name", flat=True))
    return Finding.when(bool(names), done=", ".join(names), otherwise=_("No tier yet: every company needs one."))


def address(now: datetime) -> Finding:
    url = settings.PORTAL_BASE_URL
    return Finding.when(
        url.startswith("https://"),
        done=url,
        otherwise=_("%(url)s is not encrypted. Set PORTAL_BASE_URL to an address with https.") % {"url": url},
        state=SetupState.ATTENTION,
    )


def mail(now: datetime) -> Finding:
    """Whether the last message left, and not too long ago."""
    last = OutgoingMail.objects.filter(state__in=[MailState.SENT, MailState.FAILED]).order_by("-pk").first()
    if last is None:
        return Finding(SetupState.OPEN, _("No mail was sent yet. Send yourself a test mail."))
    if last.state == MailState.FAILED:
        return Finding(SetupState.ATTENTION, _("The last mail was given up: %(error)s") % {"error": last.last_error})
    is_recent = last.sent_at is not None and now - last.sent_at < timedelta(days=MAIL_DAYS)
    return Finding.when(
        is_recent,
        done=_("The last mail left without a problem."),
        otherwise=_("No mail was sent for a month. Send yourself a test mail."),
        state=SetupState.ATTENTION,
    )


def second_factors(now: datetime) -> Finding:
    """Whether everybody on the staff signs in with a second factor. One query."""
    factors = Authenticator.objects.filter(
        user=OuterRef("pk"), type__in=[Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    )
    staff = User.objects.filter(is_staff=True, is_active=True)
    counts = staff.aggregate(total=Count("pk"), lacking=Count("pk", filter=~Exists(factors)))
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


def staff_groups(now: datetime) -> Finding:
    """Whether somebody runs the portal and somebody answers customers. One query."""
    members = Count("user", filter=Q(user__is_active=True))
    counts = dict(Group.objects.annotate(members=members).values_list("name", "members"))
    needed = [StaffGroup.SYSTEM_ADMINISTRATOR, StaffGroup.SUPPORT_AGENT, StaffGroup.CUSTOMER_SUCCESS]
    empty = [str(group.label) for group in needed if not counts.get(group.value)]
    return Finding.when(
        not empty,
        done=_("Support, success and administration have their people."),
        otherwise=_("Nobody is in: %(groups)s.") % {"groups": ", ".join(empty)},
    )


def demo_people(now: datetime) -> Finding:
    return Finding.when(
        not settings.PORTAL_DEMO,
        done=_("No demo people can sign in."),
        otherwise=_("People of the demo can sign in with a public password. Unset PORTAL_DEMO before you open."),
        state=SetupState.ATTENTION,
    )


def go_live(now: datetime) -> Finding:
    day = Installation.current().go_live_date
    if day is None:
        return Finding(SetupState.OPEN, _("Decide when customers come: figures are compared from that day on."))
    return Finding(SetupState.DONE, date_format(day))


def targets(now: datetime) -> Finding:
    decided = [target for target in Installation.current().targets if target is not None]
    count = len(Installation.current().targets)
    return Finding.when(
        len(decided) == count,
        done=_("All targets are decided."),
        otherwise=_("%(decided)d of %(count)d targets are decided.") % {"decided": len(decided), "count": count},
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
    SetupItem("mail", gettext_lazy("Mail"), SetupGroup.CONNECTIONS, url=_decisions, check=mail),
    SetupItem(
        "tiers",
        gettext_lazy("Tiers"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:accounts_tier_changelist"),
        check=tiers,
    ),
    SetupItem(
        "staff-groups",
        gettext_lazy("Staff in their groups"),
        SetupGroup.PEOPLE,
        url=lambda: reverse("admin:accounts_user_changelist") + "?is_staff__exact=1",
        check=staff_groups,
    ),
    SetupItem(
        "second-factors",
        gettext_lazy("Second factor of the staff"),
        SetupGroup.PEOPLE,
        url=lambda: reverse("mfa_index"),
        check=second_factors,
    ),
    SetupItem(
        "sso",
        gettext_lazy("Single sign-on tried with a customer"),
        SetupGroup.PEOPLE,
        url=lambda: reverse("admin:accounts_account_changelist"),
        help=gettext_lazy("Connect one customer's identity provider and sign in through it."),
    ),
    SetupItem("demo", gettext_lazy("Demo people are gone"), SetupGroup.PEOPLE, url=str, check=demo_people),
    SetupItem("go-live", gettext_lazy("Go-live date"), SetupGroup.OPENING, url=_decisions, check=go_live),
    SetupItem("targets", gettext_lazy("Targets"), SetupGroup.OPENING, url=_decisions, check=targets),
    SetupItem(
        "announced",
        gettext_lazy("Customers are told"),
        SetupGroup.OPENING,
        url=lambda: reverse("admin:accounts_account_changelist"),
        help=gettext_lazy("Invite the first companies and say when the portal opens."),
    ),
]
