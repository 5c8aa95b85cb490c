"""What an order of a renewal quote means for its renewal: that nobody is asked any more."""

from datetime import datetime

from accounts.scope import staff_scope
from commerce.models import Quote, Renewal, RenewalState
from tracking.actor import Actor


def note_accepted(*, quote: Quote, actor: Actor, now: datetime) -> None:
    """The customer renewed: it rolls over when its day comes, or within the hour where that has passed.

    Runs in the transaction that accepts the quote; written with the vendor's rights, in the customer's name.
    """
    with staff_scope(actor):
        Renewal.objects.filter(quote=quote, state__in=[RenewalState.OFFERED, RenewalState.GRACE]).update(
            state=RenewalState.ACCEPTED, accepted_at=now
        )
