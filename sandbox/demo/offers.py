"""What our people offered: to Acme in every state that a quote can be in, to Globex one it took, abroad one each."""

from collections.abc import Iterable
from datetime import date, timedelta

from accounts.models import Account, Membership, User
from accounts.permissions import Role, StaffGroup
from commerce.billing import settling
from commerce.deal_desk import deal_decisions
from commerce.models import Contract, Order, OrderStatus
from commerce.quotes import acceptance, quote_comments, quote_lifecycle, quoting
from sandbox.demo.abroad import IN_DINARS, IN_YEN, REVERSE_CHARGE, TAX_IN_PRICES
from sandbox.demo.accounts import ACME
from sandbox.demo.company import Company
from sandbox.demo.desk import Desk, approve_as, reject_as
from sandbox.demo.world import World
from tracking.actor import Actor

GLOBEX_RETAIL = "Globex Retail Ltd"
SOLD = 5  # So many companies bought from a representative lately, and paid by bank transfer.


def make_offers(world: World, company: Company) -> None:
    """Through the portal's own operations, over the last weeks; then what waits too long is escalated."""
    now = world.calendar.now
    seller = company.staff[StaffGroup.SALES][0]

    def desk_for(name: str) -> Desk:
        return Desk(Account.objects.get(name=name), seller, now)

    acme = desk_for(ACME)
    _end_differently(acme)
    _offer_packs(acme)
    _ask_the_deal_desk(acme, company)
    _order_much(acme)
    _offer_alternatives(acme)
    _sell(desk_for(GLOBEX_RETAIL), days=26)  # See `late_payers`.
    for days, account in zip(range(14, 14 - SOLD, -1), _who_buys(world.calendar.today), strict=False):
        _sell_and_be_paid(Desk(account, seller, now), company.staff[StaffGroup.FINANCE][0], days=days)
    for name in (REVERSE_CHARGE, TAX_IN_PRICES, IN_YEN, IN_DINARS):
        abroad = desk_for(name)
        wanted = abroad.wanted(days=5, more_seats=14, storage_pack=2, onboarding=1)
        abroad.offer(abroad.draft("14 more seats, with a training", wanted, days=5), days=5)
    deal_decisions.escalate_due(now=now)


def _offer_alternatives(desk: Desk) -> None:
    """Two of one deal, the first as a second version, and a word about them."""
    first = desk.offer(desk.draft("15 more seats", desk.wanted(more_seats=15), days=3), days=3)
    better = desk.better(first, discount=8, days=2)
    other = desk.draft("30 more seats", desk.wanted(more_seats=30), days=2, discount=10, beside=better)
    desk.offer(other, days=2)
    asking = _buyer(desk.account, Role.ADMINISTRATOR)
    said = [
        (asking.user, asking.actor(), False, "Could we start with 15 and add the others in spring at the same price?"),
        (desk.seller, desk.actor, False, "Yes: the price stands through its last day, also for a second order."),
        (desk.seller, desk.actor, True, "They compare with a cheaper tool."),
    ]
    for hours, (author, actor, is_internal, text) in enumerate(said, start=1):
        quote_comments.comment(
            quote=better,
            author=author,
            text=text,
            is_internal=is_internal,
            actor=actor,
            now=desk.ago(2) + timedelta(hours=hours),
        )


def _offer_packs(desk: Desk) -> None:
    """Each line counts in another way: agreed prices, graduated, by volume, in packages, a percentage, once."""
    wanted = desk.wanted(
        days=6, plan="business", more_seats=10, api_boost=5, storage_pack=7, automation_pack=12, route_planner=1,
        premium_support=1, onboarding=1,
    )  # fmt: skip
    quote = desk.offer(desk.draft("Business for all depots", wanted, days=6), days=6)
    quote.mark_viewed(desk.ago(5))


def _end_differently(desk: Desk) -> None:
    """One that Acme did not want, one that was taken back, and one that nobody has seen yet."""
    buyer = _buyer(desk.account, Role.BUYER)
    declined = desk.offer(
        desk.draft("Enterprise", desk.wanted(days=24, plan="enterprise", more_seats=30), days=24), days=24
    )
    quote_lifecycle.decline(
        quote=declined,
        reason="More than we can spend this year. The second depot opens in spring: please ask again in March.",
        actor=buyer.actor(),
        now=desk.ago(19),
    )
    withdrawn = desk.offer(desk.draft("A workspace for tests", desk.wanted(days=13, sandbox=1), days=13), days=13)
    quote_lifecycle.withdraw(
        quote=withdrawn,
        reason="It named one workspace where you asked for two. The right one follows.",
        actor=desk.actor,
        now=desk.ago(12),
    )
    desk.draft("Two workspaces for tests", desk.wanted(days=1, sandbox=2), days=1)


def _ask_the_deal_desk(desk: Desk, company: Company) -> None:
    """One that waits for several people, one that they approved, one that was turned down."""
    mina = company.staff[StaffGroup.REVENUE_MANAGER][0]
    finance = company.staff[StaffGroup.FINANCE][0]

    rejected = desk.draft("Team, a third off", desk.wanted(days=16, more_seats=40), days=16, discount=33)
    rejected = desk.submit(rejected, days=16)
    reject_as(
        rejected, mina, now=desk.ago(15),
        note="A third off for 40 seats sets a price we can't repeat. Up to 20 % with a two-year term.",
    )  # fmt: skip

    approved = desk.draft(
        "Team for the night shift", desk.wanted(days=9, more_seats=25), days=9, discount=18, payment_days=45
    )
    approved = desk.submit(approved, days=9)
    approve_as(approved, (mina, finance), now=desk.ago(8))

    waiting = desk.draft(
        "Enterprise, with a year to grow into it",
        desk.wanted(days=3, plan="enterprise", more_seats=70, sso=1, audit_log=1),
        days=3,
        discount=22,
        payment_days=60,
        special_terms="Seats that are not in use by the end of June can be handed back once, without a fee.",
    )
    desk.submit(waiting, days=3)


def _order_much(desk: Desk) -> None:
    """A quote that Acme made itself, and that is too large to go out unseen."""
    buyer = _buyer(desk.account, Role.BUYER)
    quoting.create_quote(
        account=desk.account,
        actor=buyer.actor(),
        user=buyer.user,
        configuration=desk.wanted(days=1, plan="enterprise", more_seats=170),
        now=desk.ago(1),
        form_key=desk.account.public_id,
    )


def _sell(desk: Desk, *, days: int) -> None:
    """Accepted by the customer, and not paid yet."""
    wanted = desk.wanted(days=days, storage_pack=3)
    quote = desk.offer(desk.draft("Storage for the new stores", wanted, days=days), days=days)
    buyer = _buyer(desk.account, Role.ADMINISTRATOR)
    quote.mark_viewed(desk.ago(days - 1))
    acceptance.accept_quote(
        quote=quote,
        shown_hash=quote.price_hash,
        consent_name=buyer.user.name,
        po_number="GRL-40718",
        ip="198.51.100.24",
        actor=buyer.actor(),
        now=desk.ago(days - 2),
    )


def _who_buys(today: date) -> Iterable[Account]:
    """Companies in the middle of a contract, without anything else under way."""
    lasting = Contract.objects.current(today).filter(
        start_date__lte=today - timedelta(days=60), end_date__gte=today + timedelta(days=120), currency="EUR"
    )
    waiting = Order.objects.filter(status=OrderStatus.AWAITING_PAYMENT)
    accounts = Account.objects.filter(contracts__in=lasting, tier__code="growth").exclude(
        pk__in=waiting.values("account")
    )
    named = [ACME, GLOBEX_RETAIL, REVERSE_CHARGE, TAX_IN_PRICES, IN_YEN, IN_DINARS]
    return accounts.exclude(name__in=named).order_by("name")[:SOLD]


def _sell_and_be_paid(desk: Desk, finance: User, *, days: int) -> None:
    """A week from the offer to the money."""
    quote = desk.offer(desk.draft("Storage", desk.wanted(days=days, storage_pack=2), days=days), days=days)
    order = acceptance.accept_quote(
        quote=quote,
        shown_hash=quote.price_hash,
        consent_name=_buyer(desk.account, Role.ADMINISTRATOR).user.name,
        ip="198.51.100.24",
        actor=_buyer(desk.account, Role.ADMINISTRATOR).actor(),
        now=desk.ago(days - 3),
    )
    settling.record_bank_transfer(order=order, actor=Actor.staff(finance.pk, desk.account.pk), now=desk.ago(days - 7))


def _buyer(account: Account, role: Role) -> Membership:
    members = Membership.objects.for_account(account).active().filter(roles__contains=[role])
    return members.select_related("user").order_by("pk")[0]
