"""Colleagues who take part in a case: added by somebody who sees it, told of its answers, and free to leave."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership, User
from accounts.notifications import notify
from accounts.permissions import Permission
from cases.models import Case, CaseParticipant


class NotAColleague(Exception):
    """Nobody of the company who may see cases has this address."""


def add_participant(*, case: Case, email: str, added_by: User) -> Membership:
    """Add the colleague with this address, and tell them. Whoever takes part already is not told again.

    Raises `NotAColleague`.
    """
    colleagues = Membership.objects.for_account(case.account).active().with_permission(Permission.VIEW_CASES)
    colleague = colleagues.select_related("user").filter(user__email__iexact=email.strip()).first()
    if colleague is None:
        raise NotAColleague(_("Nobody of your company who may see cases has this address."))
    if colleague.user_id == case.opened_by_id:
        return colleague
    with transaction.atomic():
        row, added = CaseParticipant.objects.get_or_create(
            account_id=case.account_id, case=case, user=colleague.user, defaults={"added_by": added_by}
        )
        if not added:
            added = bool(
                CaseParticipant.objects.filter(pk=row.pk, is_active=False).update(is_active=True, added_by=added_by)
            )
        if added and colleague.user_id != added_by.pk:
            notify(
                kind="case_shared",
                to=[colleague.user],
                account=case.account,
                context={"case": case, "added_by": added_by},
            )
    return colleague


def remove_participant(*, case: Case, user_id: int) -> bool:
    """Take somebody off a case; they may still see it as the company's setting says. False when they took no part."""
    rows = CaseParticipant.objects.for_account(case.account).active().filter(case=case, user_id=user_id)
    return bool(rows.update(is_active=False))
