"""Seeing the catalogue as a company does, before it does: with drafts, at its own prices, as nobody of theirs.

Viewing as a person (accounts.viewing) shows what is; this shows what will be on sale, and needs no person. Both are
for looking, with a reason, for a while, and stand in the company's audit log.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied

from accounts.audit import AuditAction, note
from accounts.models import Account, Membership, User
from accounts.permissions import VIEW_PERMISSIONS, Permission, Role
from accounts.viewing import LOOKING_FOR
from tracking.actor import Actor

MAY_PREVIEW = "commerce.preview_catalogue"
SESSION_PREVIEW = "catalogue_preview"


@dataclass(frozen=True)
class Preview:
    """A look at the catalogue as one company: whose, whether drafts are shown, and until when."""

    account_id: int
    with_drafts: bool
    expires_at: str  # ISO: it lies in the session.

    def is_over(self, now: datetime) -> bool:
        return datetime.fromisoformat(self.expires_at) <= now


def begin(
    *, session: SessionBase, staff: User, account: Account, with_drafts: bool, reason: str, ip: str, now: datetime
) -> None:
    """Let the session look at the catalogue as the account from now on. Raises `PermissionDenied`."""
    if not staff.has_perm(MAY_PREVIEW):
        raise PermissionDenied
    note(
        action=AuditAction.CATALOGUE_PREVIEWED,
        actor=Actor.staff(staff.pk, account.pk),
        now=now,
        object_type="commerce.product",
        object_label=account.name,
        details={"reason": reason},
        ip=ip,
    )
    session[SESSION_PREVIEW] = asdict(Preview(account.pk, with_drafts, (now + LOOKING_FOR).isoformat()))


def preview_of(session: SessionBase, account: Account, *, now: datetime) -> Preview | None:
    """The look that the session has begun, if it is at this company's catalogue and not over."""
    kept: dict[str, Any] | None = session.get(SESSION_PREVIEW)
    preview = Preview(**kept) if kept else None
    return None if preview is None or preview.account_id != account.pk or preview.is_over(now) else preview


def stand_in(staff: User, account: Account) -> Membership:
    """Stands in for a membership that is not there: it sees what there is to buy, and is never saved."""
    membership = Membership(account=account, user=staff, roles=[Role.ADMINISTRATOR])
    membership.limited_to = VIEW_PERMISSIONS | {Permission.BUY}
    return membership


def shows_drafts(request: object) -> bool:
    """Whether a page shows products that are not on sale yet."""
    preview: Preview | None = getattr(request, "preview", None)
    return preview is not None and preview.with_drafts
