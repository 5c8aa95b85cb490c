"""What sales did for a deal outside the portal, as the CRM would know it."""

from datetime import timedelta
from random import Random

from commerce.models import Activity, Deal, DealType
from sandbox.demo.world import World

SUBJECTS: dict[str, tuple[tuple[str, str], ...]] = {
    DealType.NEW: (
        ("call", "First call: what they plan today, and with what"),
        ("meeting", "Demo with dispatch and IT"),
        ("mail", "Sent the proposal and the data processing agreement"),
        ("meeting", "Questions of procurement: term, notice, prices"),
        ("call", "Agreed on the start date"),
    ),
    DealType.EXPANSION: (
        ("call", "Asked how many people join next quarter"),
        ("mail", "Sent a proposal for more seats"),
        ("meeting", "Went through usage with the operations lead"),
        ("call", "Waiting for the budget of next quarter"),
    ),
    DealType.CROSS_SELL: (
        ("mail", "Sent a short description of the add-on"),
        ("meeting", "Showed the add-on with their own data"),
        ("call", "Answered the questions of IT"),
    ),
    DealType.RENEWAL: (
        ("mail", "Renewal ahead: sent the current scope and price"),
        ("meeting", "Yearly review with the success manager"),
        ("call", "Asked for the signature before the term ends"),
    ),
}


def add_activities(world: World, deal: Deal, chance: Random) -> None:
    """Two or more of what sales does for such a deal, between its first day and its last."""
    subjects = SUBJECTS[deal.type]
    closed_at = deal.closed_at or world.calendar.now
    seconds = int((closed_at - deal.created_at).total_seconds())
    count = chance.randrange(2, len(subjects) + 1)
    for position, (kind, subject) in enumerate(subjects[:count]):
        share = (position + chance.random() * 0.8) / count
        world.add(
            Activity(
                account=deal.account,
                deal=deal,
                kind=kind,
                subject=subject,
                occurred_at=deal.created_at + timedelta(seconds=int(seconds * share)),
            )
        )
