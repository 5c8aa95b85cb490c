"""Who is told what about a renewal, and when it stops.

That something is to be told is written with the change, for many contracts at once; telling it is done one by one,
and a letter that fails keeps no contract from renewing.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.models import Account, Membership, User
from accounts.notifications import notify
from accounts.permissions import Role
from commerce.amounts import number
from commerce.contracts.applying import planned_short
from commerce.contracts.people import contacts_of
from commerce.models import NoticeKind, Renewal, RenewalNotice, RenewalTerms
from commerce.models.renewals import DEFAULT_WINBACK_PERCENT, UNDECIDED
from commerce.renewals.timeline import LATE_NOTICE_DAYS, Term, notice_due

logger = logging.getLogger(__name__)

TOLD_AT_ONCE = 200
KINDS = {
    NoticeKind.OFFER: "renewal_offer",
    NoticeKind.NOTICE: "renewal_notice",
    NoticeKind.RENEWED: "renewal_done",
    NoticeKind.GRACE: "renewal_grace",
    NoticeKind.SUSPENDED: "renewal_suspended",
    NoticeKind.WINBACK: "renewal_winback",
}
# Who hears of it: those who decide and those who buy, and of money also those who pay.
DECIDERS = (Role.ADMINISTRATOR, Role.BUYER)
READERS = {
    NoticeKind.RENEWED: (*DECIDERS, Role.BILLING),
    NoticeKind.GRACE: (*DECIDERS, Role.BILLING),
    NoticeKind.SUSPENDED: (*DECIDERS, Role.BILLING),
}
# What is told only while nobody has decided.
ASKING = (NoticeKind.OFFER, NoticeKind.NOTICE)
TO_OUR_PEOPLE = (NoticeKind.GRACE, NoticeKind.SUSPENDED)


def note_due(renewals: Sequence[Renewal], *, now: datetime) -> int:
    """Write down which reminders have come due, once each. Two statements; how many there are."""
    due = {}
    for renewal in renewals:
        term = Term(renewal.due_date, renewal.contract.notice_days, renewal.grace_days)
        days = notice_due(term, renewal.account.local_date(now))
        if days is not None:
            due[renewal.pk, days] = renewal
    known = RenewalNotice.objects.filter(renewal__in=[pk for pk, _days in due], kind=NoticeKind.NOTICE)
    for key in known.values_list("renewal_id", "days_before"):
        due.pop(key, None)
    RenewalNotice.objects.bulk_create(
        (
            RenewalNotice(
                account=renewal.account, renewal=renewal, kind=NoticeKind.NOTICE, days_before=days, created_at=now
            )
            for (_pk, days), renewal in due.items()
        ),
        ignore_conflicts=True,
    )
    first = [renewal.pk for renewal in due.values() if renewal.notified_at is None]
    Renewal.objects.filter(pk__in=first, notified_at=None).update(notified_at=now)
    return len(due)


def tell_waiting(*, now: datetime) -> int:
    """Tell what waits to be told; how many letters' worth it was. A notice that fails is tried again the next time."""
    told, failed = 0, set[int]()
    waiting = RenewalNotice.objects.waiting().order_by("pk")
    while batch := list(waiting.exclude(pk__in=failed).values_list("pk", flat=True)[:TOLD_AT_ONCE]):
        for pk in batch:
            try:
                told += _tell(pk, now=now)
            except Exception:
                logger.exception("renewal notice %s could not be told", pk)
                failed.add(pk)
    return told


def _tell(pk: int, *, now: datetime) -> bool:
    """Tell one of them, unless somebody does or did, or it was decided in the meantime. Whether it was told."""
    with transaction.atomic():
        rows = RenewalNotice.objects.waiting().select_for_update(no_key=True, skip_locked=True, of=("self",))
        related = ("account__owner", "account__sales_contact", "renewal__contract", "renewal__quote")
        notice = rows.select_related(*related).filter(pk=pk).first()
        if notice is None:
            return False
        is_stale = notice.kind in ASKING and notice.renewal.state not in UNDECIDED
        if is_stale or not notice.account.is_active:
            RenewalNotice.objects.filter(pk=pk).update(dropped_at=now)
            return False
        notice.renewal.account = notice.account
        context: dict[str, object] = {
            "notice": notice,
            "renewal": notice.renewal,
            "contract": notice.renewal.contract,
        }
        kind = NoticeKind(notice.kind)
        if kind is NoticeKind.NOTICE:
            today = notice.account.local_date(now)
            context["short"] = planned_short(notice.renewal.contract, today=today)
        if kind is NoticeKind.WINBACK:
            context["percent"] = _winback_percent(notice.account)
        notify(kind=KINDS[kind], to=readers_of(notice), account=notice.account, context=context)
        if kind in TO_OUR_PEOPLE or is_late(notice):
            to = contacts_of(notice.account)
            notify(kind="renewal_attention", to=to, account=notice.account, context=context)
        RenewalNotice.objects.filter(pk=pk).update(sent_at=now)
    return True


def _winback_percent(account: Account) -> str:
    terms = RenewalTerms.objects.for_account(account).first()
    return number((DEFAULT_WINBACK_PERCENT if terms is None else terms.winback_percent).normalize())


def readers_of(notice: RenewalNotice) -> list[User]:
    """The people of the company who hear of it."""
    roles = READERS.get(NoticeKind(notice.kind), DECIDERS)
    return people_with(notice.account, roles)


def is_late(notice: RenewalNotice) -> bool:
    """Whether it is time that our own people hear of it, too."""
    return notice.kind == NoticeKind.NOTICE and notice.days_before <= LATE_NOTICE_DAYS


def people_with(account: Account, roles: Sequence[Role]) -> list[User]:
    members = Membership.objects.for_account(account).active().filter(roles__overlap=list(roles))
    return [member.user for member in members.select_related("user").order_by("pk")]
