"""A seller at their desk: quotes for one company, as far as the demo wants them, by the portal's own operations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from accounts.models import Account, User
from commerce.configuring.situations import Configuration, situation_of
from commerce.deal_desk import deal_decisions
from commerce.models import Quote, QuoteApproval
from commerce.quotes import quote_lifecycle, staff_quotes
from commerce.quotes.manual_prices import ManualPrice, ManualPrices
from commerce.quotes.staff_quotes import Terms
from tracking.actor import Actor


@dataclass(frozen=True)
class Desk:
    """Where one seller works for one company. `days` count back from `now`."""

    account: Account
    seller: User
    now: datetime

    @property
    def actor(self) -> Actor:
        return Actor.staff(self.seller.pk, self.account.pk)

    def ago(self, days: int) -> datetime:
        return self.now - timedelta(days=days)

    def held(self, days: int = 0) -> Configuration:
        """What the company had that day."""
        return situation_of(self.account, self.account.local_date(self.ago(days))).current

    def wanted(self, *, days: int = 0, plan: str = "", more_seats: int = 0, **more: int) -> Configuration:
        """What it had, with another plan, more seats and more of its add-ons."""
        held = self.held(days)
        addons = {code: held.addons.get(code, 0) + count for code, count in more.items()}
        return Configuration(plan or held.plan, held.seats + more_seats, {**held.addons, **addons})

    def draft(
        self,
        title: str,
        configuration: Configuration,
        *,
        days: int,
        discount: int = 0,
        payment_days: int = 14,
        special_terms: str = "",
        beside: Quote | None = None,
    ) -> Quote:
        """With a discount in percent on the plan."""
        return staff_quotes.draft(
            account=self.account,
            configuration=configuration,
            manual=on_plan(configuration, discount),
            terms=Terms(title=title, payment_days=payment_days, special_terms=special_terms),
            user=self.seller,
            actor=self.actor,
            now=self.ago(days),
            beside=beside,
        )

    def submit(self, quote: Quote, *, days: int) -> Quote:
        return quote_lifecycle.submit(quote=quote, actor=self.actor, now=self.ago(days))

    def offer(self, quote: Quote, *, days: int) -> Quote:
        """Submit and present it: one that needs nobody's approval."""
        return quote_lifecycle.present(quote=self.submit(quote, days=days), actor=self.actor, now=self.ago(days))

    def better(self, quote: Quote, *, discount: int, days: int) -> Quote:
        """The next version, with a discount, offered."""
        configuration = Configuration.from_json(quote.configuration)
        fresh = staff_quotes.revise(quote=quote, user=self.seller, actor=self.actor, now=self.ago(days))
        changed = staff_quotes.change(
            quote=fresh,
            configuration=configuration,
            manual=on_plan(configuration, discount),
            terms=Terms(title=quote.title),
            actor=self.actor,
            now=self.ago(days),
        )
        return self.offer(changed, days=days)


def on_plan(configuration: Configuration, discount: int) -> ManualPrices:
    return {configuration.plan: ManualPrice(discount_percent=Decimal(discount))} if discount else {}


def approve_as(quote: Quote, people: Iterable[User], *, now: datetime) -> None:
    """Each of them approves what is asked of their group, in this order."""
    for person in people:
        groups = person.groups.values_list("name", flat=True)
        asked = QuoteApproval.objects.for_account(quote.account).waiting().get(quote=quote, group__in=groups)
        deal_decisions.approve(approval=asked, user=person, price_hash=asked.price_hash, now=now)


def reject_as(quote: Quote, person: User, *, note: str, now: datetime) -> None:
    """The first who is asked turns it down."""
    groups = person.groups.values_list("name", flat=True)
    asked = QuoteApproval.objects.for_account(quote.account).waiting().get(quote=quote, group__in=groups)
    deal_decisions.reject(approval=asked, user=person, price_hash=asked.price_hash, note=note, now=now)
