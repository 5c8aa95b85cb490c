"""Who asked for a page that is not theirs, in the company's log, or for staff in the vendor's own.

Once per person, company, page and hour, so that a loop does not fill the log: pages count by their names, of which
there are only so many.
"""

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit import AuditAction, note
from accounts.http import client_ip
from accounts.scope import system_scope
from tracking.actor import Actor, ActorKind

EVERY = 3600  # Seconds.


def note_refusal(request: HttpRequest) -> None:
    """Note what `requires` or `requires_staff` refused, where it did: `request.refused` is the permission.

    Opens a scope of its own, after the request's has been rolled back.
    """
    permission: str = getattr(request, "refused", "")
    if not permission or not request.user.is_authenticated or request.resolver_match is None:
        return
    actor: Actor = getattr(request, "actor", None) or Actor(request.user.pk, None, ActorKind.CUSTOMER)
    page = request.resolver_match.view_name
    if not cache.add(f"refused:{actor.user_id}:{actor.account_id}:{page}", True, EVERY):
        return
    with system_scope():
        note(
            action=AuditAction.ACCESS_REFUSED,
            actor=actor,
            now=timezone.now(),
            object_type="page",
            object_id=page[:64],
            object_label=request.path,
            details={"permission": str(permission)},
            ip=client_ip(request),
        )
