"""What our people offered Acme: two alternatives of one deal, the first as a second version, and a word about them."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Account, Membership, User
from accounts.permissions import Role
from commerce import quote_comments, quote_lifecycle, staff_quotes
from commerce.manual_prices import ManualPrice
from commerce.models import Quote, QuoteStatus
from commerce.situations import Configuration, situation_of
from commerce.staff_quotes import Terms
from tracking.actor import Actor


def make_offers(*, account: Account, seller: User, now: datetime) -> None:
    """Through the portal's own operations, some days ago."""
    actor = Actor.staff(seller.pk, account.pk)
    begun = now - timedelta(days=3)
    current = situation_of(account, quote_lifecycle.day_of(account, begun)).current
    wanted = Configuration(plan=current.plan, seats=current.seats + 15)
    terms = Terms(title="15 more seats")

    def offer(quote: Quote) -> Quote:
        submitted = quote_lifecycle.submit(quote=quote, actor=actor, now=begun)
        if submitted.status != QuoteStatus.APPROVED:  # It waits for somebody's approval.
            return submitted
        return quote_lifecycle.present(quote=submitted, actor=actor, now=begun)

    first = offer(
        staff_quotes.draft(
            account=account, configuration=wanted, manual={}, terms=terms, user=seller, actor=actor, now=begun
        )
    )
    if first.status != QuoteStatus.PRESENTED:
        return
    better = staff_quotes.change(
        quote=staff_quotes.revise(quote=first, user=seller, actor=actor, now=begun),
        configuration=wanted,
        manual={current.plan: ManualPrice(discount_percent=Decimal(8))},
        terms=terms,
        actor=actor,
        now=begun,
    )
    better = offer(better)
    offer(
        staff_quotes.draft(
            account=account,
            configuration=replace(wanted, seats=current.seats + 30),
            manual={current.plan: ManualPrice(discount_percent=Decimal(12))},
            terms=replace(terms, title="30 more seats"),
            user=seller,
            actor=actor,
            now=begun,
            beside=better,
        )
    )
    buyer = Membership.objects.for_account(account).active().filter(roles__contains=[Role.ADMINISTRATOR])
    asking = buyer.select_related("user").order_by("pk")[0]
    said = [(asking.user, asking.actor(), "Could we start with 15 and add the others in spring at the same price?")]
    said.append((seller, actor, "Yes: the price of this quote stands through its last day, also for a second order."))
    for hours, (author, by, text) in enumerate(said, start=1):
        moment = begun + timedelta(hours=hours)
        quote_comments.comment(quote=better, author=author, text=text, actor=by, now=moment)
    quote_comments.comment(
        quote=better, author=seller, text="They compare with a cheaper tool.", is_internal=True, actor=actor, now=begun
    )
