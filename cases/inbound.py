"""Replies by mail to what we wrote about a case: messages of the case, as if written in the portal."""

from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from accounts.intake import Handler, Held, Reply
from accounts.models import Membership
from accounts.permissions import Permission
from accounts.scope import account_scope
from accounts.services import FileRefused, check_upload
from cases.models import Case
from cases.services import LONGEST_MESSAGE, MOST_FILES, reply_as_customer


def take_reply(reply: Reply, now: datetime) -> str:
    """Add the reply to its case, with the files that we take; the message says which we don't.

    Raises `accounts.intake.Held` when the person may not answer the case any more.
    """
    if not reply.object_id.isdigit():
        raise Held(_("There is no such case."))
    case = Case.objects.select_related("account").filter(serial=int(reply.object_id)).first()
    if case is None:
        raise Held(_("There is no such case."))
    membership = (
        Membership.objects.for_account(case.account).active().select_related("account").filter(user=reply.user).first()
    )
    if membership is None or not membership.may(Permission.OPEN_CASES):
        raise Held(_("The person may no longer answer cases of this company."))
    files, refused = _sorted(reply.files)
    with account_scope([case.account_id], user_id=reply.user.pk, actor=membership.actor()):
        if not Case.objects.visible_to(membership).filter(pk=case.pk).exists():
            raise Held(_("The person no longer sees this case."))
        body = "\n\n".join(filter(None, [reply.text[: LONGEST_MESSAGE - 1000], *refused]))
        reply_as_customer(case=case, author=reply.user, body=body, form_key=reply.key, now=now, uploads=files)
    return _("A message of %(number)s.") % {"number": case.number}


def _sorted(files: list[UploadedFile[bytes]]) -> tuple[list[UploadedFile[bytes]], list[str]]:
    """The files that we take, and a sentence about each that we don't."""
    taken, refused = [], []
    for file in files:
        try:
            check_upload(file)
        except FileRefused as reason:
            refused.append(_("(A file was left out: %(reason)s)") % {"reason": reason})
        else:
            taken.append(file)
    refused += [_("(A file was left out: too many at once.)")] * (len(taken[MOST_FILES:]) > 0)
    return taken[:MOST_FILES], refused[:MOST_FILES]


HANDLERS: dict[str, Handler] = {"case": take_reply}
