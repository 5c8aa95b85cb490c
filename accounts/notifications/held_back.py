"""Mail to a company's address for invoices that was held back while the address took none: sent once it is right."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice

from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.jobs import enqueue
from accounts.models import Account, MailState, OutgoingMail, ReportKind
from accounts.notifications.types import types
from accounts.scope import staff_scope
from tracking.actor import Actor

MOST_DOCUMENTS = 50  # The newest; a person looks for older ones in the list of invoices.
MOST_LOOKED_AT = 500  # Documents: of some nothing is of use any more.
# Never taken by the address, or not yet tried. What is being sent is left alone.
HELD = (MailState.CANCELLED, MailState.FAILED, MailState.PENDING)


def trust_billing_address(*, account: Account, actor: Actor, now: datetime) -> int:
    """The company's address for invoices is right, says somebody: mail goes there again; how many that were held back.

    Of each document the newest mail that is still of use, the newest `MOST_DOCUMENTS` of them. Said twice, nothing is
    sent twice. With the owner's rights, as customers read no mail; the log names `actor`.
    """
    from accounts.tasks import send_due_mail

    with staff_scope(actor):
        locked = Account.objects.select_for_update().get(pk=account.pk)
        refused, was_held = locked.unreachable_email, locked.unreachable_reason == ReportKind.HARD
        if not refused or not locked.billing_email:
            return 0
        locked.unreachable_email = locked.unreachable_reason = ""
        locked.save(update_fields=["unreachable_email", "unreachable_reason"])
        if not was_held:
            return 0
        chosen = [mail.pk for mail in islice(_of_use(locked, refused), MOST_DOCUMENTS)]
        again = OutgoingMail.objects.filter(pk__in=chosen, state__in=HELD)
        sent = again.update(state=MailState.PENDING, to=locked.billing_email, attempts=0, last_error="", next_at=now)
        if sent:
            enqueue(send_due_mail)
    return sent


def words(sent: int) -> str:
    """What somebody who set the address right is told of it; empty where nothing was held back."""
    if not sent:
        return ""
    told = ngettext(
        "%(number)d mail that was held back is on its way.",
        "%(number)d mails that were held back are on their way.",
        sent,
    ) % {"number": sent}
    if sent < MOST_DOCUMENTS:
        return told
    return f"{told} {_('Older documents are in the list of invoices.')}"


def _of_use(account: Account, refused: str) -> Iterator[OutgoingMail]:
    """The mail to send of each document that was held back, the newest first. Two queries, and one for each mail."""
    mails = OutgoingMail.objects.filter(account_id=account.pk, user=None).exclude(document="")
    held = mails.filter(to__iexact=refused, state__in=HELD).values("document")
    newest = held.annotate(last=Max("pk")).order_by("-last").values_list("document", flat=True)[:MOST_LOOKED_AT]
    documents = list(newest)
    rows = mails.filter(document__in=documents).order_by("document", "-pk")
    by_document = {document: list(found) for document, found in groupby(rows, key=lambda mail: mail.document)}
    for document in documents:
        if mail := _newest_of_use(by_document[document], refused):
            yield mail


def _newest_of_use(mails: Iterable[OutgoingMail], refused: str) -> OutgoingMail | None:
    """Of the mails about one document, the newest first; none where one after them was sent, or will be."""
    for mail in mails:
        went_there = mail.to.lower() == refused.lower()
        if mail.state not in HELD or (mail.state == MailState.PENDING and not went_there):
            return None
        kind = types().get(mail.kind)
        if went_there and kind is not None and not kind.why_not(mail):
            return mail
    return None
