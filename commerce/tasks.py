"""Jobs of the commerce app."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from accounts.jobs import AccountTask, enqueue
from commerce import stripe_gateway as gateway
from commerce import webhooks
from commerce.billing import (
    books,
    changes,
    collecting,
    expiring_cards,
    offsetting,
    payments,
    periods,
    receivables,
    reconciliation,
    refunds,
    returning,
    standing,
    totals,
    transfers,
    usage_bills,
)
from commerce.configuring import configurations
from commerce.contracts import applying
from commerce.deal_desk import deal_decisions
from commerce.models import BankStatement
from commerce.orders import provisioning
from commerce.quotes import approvals, quote_documents, quote_lifecycle, quote_pricing
from commerce.renewals import notices, running

_RETRIED_BY_SWEEP = (gateway.OutcomeUnknown,)  # Stripe is away: the sweep hands the row out again.


@shared_task(base=AccountTask, all_accounts=True)
def process_webhook(*, event_id: str, **kwargs: object) -> None:
    """One event of Stripe: woken by its delivery, swept by `process_webhooks`."""
    webhooks.process(event_id=event_id, now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def process_webhooks(**kwargs: object) -> None:
    """Every 10 s: events whose wake-up was lost, or that are to be tried again. A worker for each."""
    for event_id in reconciliation.due_events(now=timezone.now()):
        enqueue(process_webhook, event_id=event_id)


@shared_task(base=AccountTask, all_accounts=True, throws=_RETRIED_BY_SWEEP)
def resume_payment(*, attempt_id: str, **kwargs: object) -> None:
    """One payment attempt that stopped on the way."""
    payments.resume(attempt_id=UUID(attempt_id), now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def resume_payments(**kwargs: object) -> None:
    """Every 15 s: payments and refunds whose process died, or whose outcome is unknown. A worker for each."""
    now = timezone.now()
    for attempt_id in reconciliation.due_payments(now=now):
        enqueue(resume_payment, attempt_id=str(attempt_id))
    for refund_id in reconciliation.due_refunds(now=now):
        enqueue(resume_refund, refund_id=str(refund_id))


@shared_task(base=AccountTask, all_accounts=True)
def submit_refund(*, refund_id: str, **kwargs: object) -> None:
    """Send a refund that somebody of finance began; `resume_refunds` finds it where this wake-up is lost."""
    refunds.submit(refund_id=UUID(refund_id), now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True, throws=_RETRIED_BY_SWEEP)
def resume_refund(*, refund_id: str, **kwargs: object) -> None:
    """One refund that stopped on the way."""
    refunds.resume(refund_id=UUID(refund_id), now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def remind_of_invoices(**kwargs: object) -> None:
    """Every hour: companies hear of bills that are due soon, due, or overdue, and of cards that expire."""
    now = timezone.now()
    receivables.send_reminders(now=now)
    expiring_cards.tell_of_expiry(now=now)


@shared_task(base=AccountTask, all_accounts=True)
def match_transfers(*, statement_id: int, after: int = 0, **kwargs: object) -> None:
    """The transfers of a statement that fit their invoices, some at a time."""
    statement = BankStatement.objects.get(pk=statement_id)
    last = transfers.match_next(statement=statement, now=timezone.now(), after=after)
    if last is not None:
        enqueue(match_transfers, statement_id=statement_id, after=last)


@shared_task(base=AccountTask, all_accounts=True)
def resume_matching(**kwargs: object) -> None:
    """Every minute: statements whose wake-up was lost, or whose worker died. A worker for each."""
    for statement_id in transfers.left_behind():
        enqueue(match_transfers, statement_id=statement_id)


@shared_task(base=AccountTask, all_accounts=True)
def collect_invoices(**kwargs: object) -> None:
    """Every 10 min, as a day begins somewhere: what is due is settled with credit or charged to stored cards, and what
    stays unpaid has its consequences.
    """
    now = timezone.now()
    offsetting.offset_due(now=now)
    for collection_id in collecting.due_collections(now=now):
        enqueue(collect_invoice, collection_id=collection_id)
    standing.look_at_all(now=now)


@shared_task(base=AccountTask, all_accounts=True)
def collect_invoice(*, collection_id: int, **kwargs: object) -> None:
    """Charge one invoice to its company's card."""
    collecting.collect(collection_id=collection_id, now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True, throws=_RETRIED_BY_SWEEP)
def settle_payment(*, attempt_id: str, **kwargs: object) -> None:
    """Ask Stripe about one attempt now, as somebody asks for it in the admin."""
    payments.settle(attempt_id=UUID(attempt_id), now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True, throws=(gateway.GatewayError,))
def return_money(*, attempt_id: str, **kwargs: object) -> None:
    """Send back what a payment under review has taken, as somebody of finance asks for; failed, they ask again."""
    returning.return_money(attempt_id=UUID(attempt_id), now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True, throws=_RETRIED_BY_SWEEP)
def reconcile_payments(**kwargs: object) -> None:
    """Every 10 min: events that were never delivered, which are then processed as if they had been."""
    reconciliation.fetch_events(now=timezone.now())
    process_webhooks()


@shared_task(base=AccountTask, all_accounts=True, throws=_RETRIED_BY_SWEEP)
def compare_totals(**kwargs: object) -> None:
    """Every night: what we hold as paid and paid back against what Stripe says."""
    totals.compare_last_days(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def expire_quotes(**kwargs: object) -> None:
    """Every hour: offers whose time is over say so, and so do requests to approve them."""
    now = timezone.now()
    quote_lifecycle.expire_due(now=now)
    approvals.lapse_overtaken(now=now)


@shared_task(base=AccountTask, all_accounts=True)
def escalate_approvals(**kwargs: object) -> None:
    """Every hour: quotes that our own people have not decided about in time are put before somebody else besides."""
    deal_decisions.escalate_due(now=timezone.now())


@shared_task(base=AccountTask)
def price_quote(*, account_id: int, pricing_id: int, **kwargs: object) -> None:
    """A long quote that our people asked for."""
    quote_pricing.run(pricing_id=pricing_id, now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def resume_quote_pricings(**kwargs: object) -> None:
    """Every 30 s: long quotes whose wake-up was lost, or whose worker died."""
    quote_pricing.run_left_behind(now=timezone.now())


@shared_task(base=AccountTask)
def draw_quote(*, account_id: int, quote_id: int, **kwargs: object) -> None:
    """The document of a quote that was presented."""
    quote_documents.draw(account_id=account_id, quote_id=quote_id)


@shared_task(base=AccountTask, all_accounts=True)
def draw_quotes(**kwargs: object) -> None:
    """Every minute: documents of quotes whose wake-up was lost, or whose worker died. A worker for each."""
    quote_documents.draw_left_behind(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def apply_contract_changes(**kwargs: object) -> None:
    """Every hour, as the day begins somewhere: planned changes of contracts whose day has come."""
    applying.apply_due(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def run_renewals(**kwargs: object) -> None:
    """Every hour, as the day begins somewhere: offers, reminders, new terms, grace and its end."""
    running.run_due(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def tell_of_renewals(**kwargs: object) -> None:
    """Every 5 min: what waits to be told about renewals."""
    notices.tell_waiting(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def set_orders_up(**kwargs: object) -> None:
    """Every minute: the steps of paid orders that the portal does itself, and those to be tried again."""
    provisioning.run_due(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def bill_contracts(**kwargs: object) -> None:
    """Every hour, as the day begins somewhere: periods of contracts, what changed in those billed before, and use."""
    now = timezone.now()
    periods.bill_due(now=now)
    changes.settle_due(now=now)
    usage_bills.bill_usage_due(now=now)


@shared_task(base=AccountTask, all_accounts=True)
def check_books(**kwargs: object) -> None:
    """Every night: whether what was billed is paid, due or accounted for otherwise."""
    books.check_books(now=timezone.now())


@shared_task(base=AccountTask, all_accounts=True)
def sweep_configurations(**kwargs: object) -> None:
    """Every hour: what was left in the configurator is noted for the account's people, and what is old goes."""
    now = timezone.now()
    configurations.note_abandoned(now=now)
    configurations.remove_old(now=now)
