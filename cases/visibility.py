"""Operations on who sees which cases of a company, and what comes of them in words and figures."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Account, Membership, StoredFile
from accounts.permissions import Permission
from accounts.scope import staff_scope
from cases.models import Case, CaseAttachment, CaseRule, CaseVisibility, Sight
from tracking.actor import Actor

COUNTED_UP_TO = 1_000  # Cases: beyond, a preview says "more than".


class RuleIncomplete(Exception):
    """A rule is about a role or about a department: one of them."""


def set_company_sight(*, account: Account, sight: Sight) -> None:
    """How far everybody sees for whom nothing else is set."""
    CaseVisibility.objects.update_or_create(account=account, membership=None, defaults={"sight": sight})


def set_person_sight(*, membership: Membership, sight: Sight | None) -> None:
    """How far one person sees, whatever is set for the company; None: as the company's setting says."""
    CaseVisibility.objects.update_or_create(
        account_id=membership.account_id, membership=membership, defaults={"sight": sight or ""}
    )


def add_rule(*, account: Account, role: str = "", department: str = "", of_department: str = "") -> CaseRule:
    """Let people with a role, or of a department, see all cases or a department's. The same rule twice is one.

    Raises `RuleIncomplete`.
    """
    if bool(role) == bool(department):
        raise RuleIncomplete(_("Choose a role or a department."))
    alike = CaseRule.objects.for_account(account).filter(
        role=role, department__iexact=department, of_department__iexact=of_department
    )
    try:
        with transaction.atomic():
            return CaseRule.objects.create(
                account=account, role=role, department=department, of_department=of_department
            )
    except IntegrityError:  # It is there, perhaps since a moment ago; perhaps it was taken back.
        alike.filter(is_active=False).update(is_active=True)
    return alike.get()


def end_rule(*, rule: CaseRule) -> None:
    """Take a rule back. It is kept, for the audit."""
    CaseRule.objects.filter(pk=rule.pk, is_active=True).update(is_active=False)


def may_download(membership: Membership, stored: StoredFile) -> bool:
    """Whether a file came with a message of a case that this person sees. One that came with none is nobody's."""
    attached = CaseAttachment.objects.filter(file=stored, account=membership.account, message__is_internal=False)
    return attached.filter(message__case__in=Case.objects.visible_to(membership)).exists()


# What the settings come to


def company_sight(account: Account) -> Sight:
    """The company's setting as it counts: the whole company where it never chose, own cases where nobody knows it."""
    chosen = CaseVisibility.objects.for_account(account).of_company().values_list("sight", flat=True).first()
    if chosen is None:
        return Sight.COMPANY
    return Sight(chosen) if chosen in Sight else Sight.OWN


def in_words(sight: Sight, *, exceptions: int, rules: int) -> str:
    """Who sees what, as one would say it."""
    match sight:
        case Sight.COMPANY:
            said = _("Everybody who may see cases sees all cases of the company.")
        case Sight.RULES if rules:
            said = ngettext(
                "Everybody sees the cases that they opened or were added to, and what %(count)d rule shows them.",
                "Everybody sees the cases that they opened or were added to, and what %(count)d rules show them.",
                rules,
            ) % {"count": rules}
        case Sight.RULES:
            said = _("There is no rule yet, so everybody sees only the cases that they opened or were added to.")
        case _:
            said = _("Everybody sees only the cases that they opened or were added to.")
    if not exceptions:
        return said
    own = ngettext(
        "For %(count)d person something else is set.", "For %(count)d people something else is set.", exceptions
    ) % {"count": exceptions}
    return _("%(sentence)s %(exceptions)s") % {"sentence": said, "exceptions": own}


@dataclass(frozen=True)
class Preview:
    """How much of the company's cases one person sees."""

    membership: Membership
    seen: int
    total: int  # At most COUNTED_UP_TO, as `seen`.

    @property
    def sentence(self) -> str:
        figures = {"name": self.membership.user.name, "seen": self.seen, "total": self.total}
        if self.total < COUNTED_UP_TO:
            return (
                ngettext(
                    "%(name)s sees %(seen)d of %(total)d case.",
                    "%(name)s sees %(seen)d of %(total)d cases.",
                    self.total,
                )
                % figures
            )
        if self.seen < COUNTED_UP_TO:
            return _("%(name)s sees %(seen)d of more than %(total)d cases.") % figures
        return _("%(name)s sees more than %(seen)d cases.") % figures


def preview(*, membership: Membership, actor: Actor) -> Preview:
    """What this person sees, as of now; nothing, without a role that sees cases. Three queries.

    Counted as the owner, in the name of `actor`: whoever asks may see less than the person asked about.
    """
    with staff_scope(actor):
        everything = Case.objects.for_account(membership.account)
        seen = Case.objects.visible_to(membership) if membership.may(Permission.VIEW_CASES) else everything.none()
        return Preview(membership, seen[:COUNTED_UP_TO].count(), everything[:COUNTED_UP_TO].count())
