"""What mail services report: an address that bounced is marked, once per report; a person's, or a company's."""

import logging
from datetime import datetime

from django.db import transaction

from accounts.models import Account, MailReport, ReportKind, User

logger = logging.getLogger(__name__)


def note_report(*, unique_id: str, kind: ReportKind, email: str, detail: str, now: datetime) -> bool:
    """Keep the report, and mark the address: of the person, and of companies whose invoices go there.

    False when it had been reported before.

    A hard bounce outweighs what was known; a soft one or a complaint does not take a hard one back.
    """
    with transaction.atomic():
        report, is_new = MailReport.objects.get_or_create(
            unique_id=unique_id[:200],
            defaults={"kind": kind, "email": email[:320], "detail": detail[:2000], "reported_at": now},
        )
        if not is_new:
            return False
        for user in User.objects.select_for_update().filter(email__iexact=email):
            if user.mail_problem != ReportKind.HARD:
                user.unreachable_email, user.unreachable_reason = user.email, report.kind
                user.save(update_fields=["unreachable_email", "unreachable_reason"])
        for account in Account.objects.select_for_update().filter(billing_email__iexact=email):
            if account.billing_mail_problem != ReportKind.HARD:
                account.unreachable_email, account.unreachable_reason = account.billing_email, report.kind
                account.save(update_fields=["unreachable_email", "unreachable_reason"])
    logger.info("mail report %s: %s", report.pk, kind)
    return True


def trust_again(*, user: User) -> None:
    """The address works, says the person or the staff: mail goes there again."""
    User.objects.filter(pk=user.pk).update(unreachable_email="", unreachable_reason="")
