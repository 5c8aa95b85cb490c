"""Contracts, plans, quotes, orders, invoices and payments."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.permissions import Permission
from commerce.billing.payments import prepare_card
from commerce.configuring.situations import plain, situation_of
from commerce.contracts import amendments
from commerce.contracts.amendments import Decision
from commerce.models import Contract, ProductFile, Quote, QuoteStatus, RetentionOffer, StoredCard
from commerce.orders import cancelling
from commerce.renewals.reading import view_of
from tests.commerce.stripe_side import StripeJs
from tests.factories import make_contract
from tests.pages.kinds import Audience, Foreign, Page, cursor_of, form_key, number, of
from tests.world import Company


def quote(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.quote.public_id}


def approval(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.approval.public_id}


def saved(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.saved.public_id}


def asked(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.quote_request.public_id}


def attempt(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.attempt.pk}


def licence(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.licence.public_id}


def stored_card(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.card.public_id}


def choose_none(company: Company) -> None:
    StoredCard.objects.filter(pk=company.card.pk).update(is_default=False)


def cancel_unpaid(company: Company) -> None:
    """A contract is changed by one order at a time."""
    cancelling.cancel_order(order=company.order, now=company.quote.created_at)


def card(company: Company) -> str:
    """A card that the company has set up at Stripe, which must be at hand."""
    secret = prepare_card(account=company.account, now=company.quote.created_at).client_secret
    StripeJs(settings.STRIPE_API_BASE).set_up(secret)
    return secret.split("_secret_")[0]


def expire(company: Company) -> None:
    Quote.objects.filter(pk=company.quote.pk).update(status=QuoteStatus.EXPIRED)


def data_sheet(company: Company) -> Mapping[str, Any]:
    """Of a product on sale: everybody's who may see prices."""
    return {"public_id": ProductFile.objects.earliest("pk").public_id}


def decision(company: Company, **given: Any) -> Decision:
    """The administrator's, now."""
    return Decision(actor=company.administrator.membership.actor(), now=timezone.now(), **given)


def plan_end(company: Company) -> None:
    cancel_unpaid(company)
    amendments.end_contract(contract=company.contract, decision=decision(company))


def end_today(company: Company) -> None:
    cancel_unpaid(company)
    amendments.end_contract(contract=company.contract, decision=decision(company), at_once=True)


def begin_pause(company: Company) -> None:
    cancel_unpaid(company)
    today = company.account.local_date(timezone.now())
    days = {"from_date": today, "until_date": today + timedelta(days=5)}
    amendments.pause(contract=company.contract, decision=decision(company), **days)


def read_now(company: Company, **typed: Any) -> Mapping[str, Any]:
    """A form about the contract as it is."""
    return {"version": Contract.objects.get(pk=company.contract.pk).version, "words": "", **typed}


def one_seat_less(company: Company) -> Mapping[str, Any]:
    """Of what the company has; the rest of the form says the same as now."""
    today = company.account.local_date(timezone.now())
    now = situation_of(company.account, today).current
    return read_now(company, **{**now.as_query(), "seats": str(now.seats - 1)})


def renewal(company: Company) -> Mapping[str, Any]:
    return {"public_id": company.contract.renewal.public_id}


def renewed_otherwise(company: Company) -> Mapping[str, Any]:
    """The form about its renewal, with one seat less."""
    lines = view_of(company.contract.renewal, company.contract.renewal.last_date).lines
    quantities = {line.product.code: plain(line.quantity_before) for line in lines}
    return {"term_months": "24", **quantities, lines[0].product.code: plain(lines[0].quantity_before - 1)}


def agree_again(company: Company) -> None:
    """A second contract that runs now."""
    cancel_unpaid(company)
    make_contract(company.account, {"team": company.contract.subscriptions.get(product__code="team").product})


def both_contracts(company: Company) -> Mapping[str, Any]:
    contracts = Contract.objects.for_account(company.account).current(company.account.local_date(timezone.now()))
    return {"contracts": [contract.pk for contract in contracts], "term_months": "12"}


def pause_days(company: Company) -> Mapping[str, Any]:
    today = company.account.local_date(timezone.now())
    return read_now(company, from_date=today + timedelta(days=1), until_date=today + timedelta(days=9))


def a_goal_of(company: Company) -> Mapping[str, Any]:
    return {"number": company.contract.number, "public_id": company.goal.public_id}


def a_goal(company: Company) -> Mapping[str, Any]:
    day = company.contract.last_date
    return {"title": "Fewer calls", "metric": "own", "baseline": "90", "target": "20", "target_date": day.isoformat()}


ANSWERS_JSON = {"Accept": "application/json"}


def configuration(company: Company) -> Mapping[str, Any]:
    return {"plan": "business", "seats": "60", "sso": "1"}


COMMERCE = [
    Page("commerce:contracts", Permission.VIEW_CONTRACTS, screen=True, shows=of("contract.number")),
    Page(
        "commerce:contract", Permission.VIEW_CONTRACTS, kwargs=number("contract"), names_row=True, screen=True,
        shows=of("contract.number"),
    ),
    Page("commerce:all-contracts", Permission.VIEW_CONTRACTS, screen=True, shows=of("contract.number")),
    Page("commerce:export-contracts", Permission.VIEW_CONTRACTS, shows=of("contract.number"), changes=True),
    Page("commerce:contract-dashboard", Permission.VIEW_CONTRACTS, screen=True, shows=of("contract.number")),
    Page(
        "commerce:contract-papers", Permission.VIEW_CONTRACTS, kwargs=number("contract"), names_row=True, screen=True,
        shows=of("paper.title"),
    ),
    Page(
        "commerce:contract-paper", Permission.VIEW_CONTRACTS, names_row=True, changes=True,
        kwargs=lambda company: {"number": company.contract.number, "key": company.paper.public_id},
    ),
    Page(
        "commerce:contract-review", Permission.VIEW_CONTRACTS, kwargs=number("contract"), names_row=True, changes=True
    ),
    Page(
        "commerce:goals", Permission.VIEW_CONTRACTS, kwargs=number("contract"), names_row=True, screen=True,
        shows=of("contract.number"),
    ),
    Page("commerce:add-goal", Permission.BUY, kwargs=number("contract"), names_row=True, screen=True),
    Page(
        "commerce:add-goal", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True, status=302,
        body=lambda company: {**a_goal(company), "form_key": uuid.uuid4()},
    ),
    Page("commerce:goal", Permission.VIEW_CONTRACTS, kwargs=a_goal_of, names_row=True, screen=True),
    Page("commerce:change-goal", Permission.BUY, kwargs=a_goal_of, names_row=True, screen=True),
    Page(
        "commerce:change-goal", Permission.BUY, method="POST", kwargs=a_goal_of, names_row=True, status=302,
        body=lambda company: {**a_goal(company), "number": 1},
    ),
    Page(
        "commerce:reduce-contract", Permission.BUY, kwargs=number("contract"), names_row=True, screen=True,
        shows=of("contract.number"),
    ),
    Page(
        "commerce:reduce-contract", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True,
        status=302, arrange=cancel_unpaid, body=one_seat_less,
    ),
    Page(
        "commerce:pause-contract", Permission.BUY, kwargs=number("contract"), names_row=True, screen=True,
        shows=of("contract.number"),
    ),
    Page(
        "commerce:pause-contract", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True, status=302,
        arrange=cancel_unpaid, body=pause_days,
    ),
    Page(
        "commerce:resume-contract", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True,
        status=302, arrange=begin_pause,
    ),
    Page(
        "commerce:end-contract", Permission.BUY, kwargs=number("contract"), names_row=True, screen=True,
        shows=of("contract.number"),
    ),
    Page(
        "commerce:end-contract", Permission.BUY, kwargs=number("contract"), names_row=True, screen=True,
        label="with the reason", query=lambda company: {"reason": "not_used"}, shows=of("contract.number"),
    ),
    Page(
        "commerce:end-contract", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True, status=302,
        arrange=cancel_unpaid,
        body=lambda company: read_now(company, reason="not_used", when="term", consent="on"),
    ),
    Page(
        "commerce:stay", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True, status=302,
        arrange=cancel_unpaid,
        body=lambda company: {"offer": RetentionOffer.objects.get(reason="not_used", rank=1).pk},
    ),
    Page(
        "commerce:take-back", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True, status=302,
        arrange=plan_end,
    ),
    Page(
        "commerce:reactivate-contract", Permission.BUY, kwargs=number("contract"), names_row=True, screen=True,
        shows=of("contract.number"),
    ),
    Page(
        "commerce:reactivate-contract", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True,
        status=302, arrange=end_today, body=read_now,
    ),
    Page("commerce:renewals", Permission.VIEW_CONTRACTS, screen=True, shows=of("contract.number")),
    Page(
        "commerce:renewal", Permission.VIEW_CONTRACTS, kwargs=renewal, names_row=True, screen=True,
        shows=of("contract.number"),
    ),
    Page(
        "commerce:change-renewal", Permission.BUY, method="POST", kwargs=renewal, names_row=True, status=302,
        arrange=cancel_unpaid, body=renewed_otherwise,
    ),
    Page(
        "commerce:talk-about-renewal", Permission.BUY, method="POST", kwargs=renewal, names_row=True, status=302,
        body=lambda company: {"words": "Could we pay monthly?"},
    ),
    Page(
        "commerce:renew-early", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True, status=302,
        arrange=cancel_unpaid,
    ),
    Page(
        "commerce:auto-renew", Permission.BUY, method="POST", kwargs=number("contract"), names_row=True, status=302,
        body=lambda company: {"auto_renew": "no"},
    ),
    Page(
        "commerce:align-renewals", Permission.BUY, method="POST", status=302, arrange=agree_again, body=both_contracts,
        foreign=(
            Foreign(
                "contracts of another company", 422,
                body=lambda other: {"contracts": [other.contract.pk, other.contract.pk + 1], "term_months": "12"},
            ),
        ),
    ),
    Page("commerce:usage", Permission.VIEW_USAGE, screen=True),
    Page("commerce:export-usage", Permission.VIEW_USAGE, changes=True),  # A download is recorded.
    Page("commerce:plans", Permission.VIEW_PRICES, screen=True),
    # What somebody types is kept as theirs.
    Page("commerce:configure", Permission.BUY, screen=True, query=configuration, changes=True),
    Page(
        "commerce:configure", Permission.BUY, screen=True, label="step by step", changes=True,
        query=lambda company: {**configuration(company), "step": "addons"},
    ),
    Page("commerce:configure-price", Permission.BUY, query=configuration, changes=True),
    Page("commerce:configure-price", Permission.BUY, method="POST", body=configuration),
    Page("commerce:compare-plans", Permission.VIEW_PRICES, screen=True),
    Page("commerce:product-file", Permission.VIEW_PRICES, kwargs=data_sheet),
    Page(
        "commerce:configurations", Permission.VIEW_PRICES, screen=True, shows=of("saved.name"),
        foreign=(Foreign("from one of another company on", 200, query=cursor_of("saved", "updated_at", "id")),),
    ),
    Page(
        "commerce:save-configuration", Permission.BUY, method="POST", status=302,
        body=lambda company: {**configuration(company), "save_as": "For spring"},
        foreign=(
            Foreign("one of another company", 404, body=lambda other: {"saved": str(other.saved.public_id)}),
        ),
    ),
    Page(
        "commerce:configuration", Permission.VIEW_PRICES, kwargs=saved, names_row=True, screen=True,
        shows=of("saved.name"),
    ),
    Page(
        "commerce:share-configuration", Permission.BUY, method="POST", kwargs=saved, names_row=True, status=302,
        arrange=lambda company: company.saved.shares.filter(user=company.people["buyer"]).delete(),
        body=lambda company: {"colleague": company.people["buyer"].email},
    ),
    Page(
        "commerce:unshare-configuration", Permission.BUY, method="POST", kwargs=saved, names_row=True, status=302,
        body=lambda company: {"colleague": company.people["buyer"].email},
    ),
    Page("commerce:delete-configuration", Permission.BUY, method="POST", kwargs=saved, names_row=True, status=302),
    Page(
        "commerce:quote-requests", Permission.VIEW_PRICES, screen=True, shows=of("quote_request.summary"),
        foreign=(
            Foreign("from one of another company on", 200, query=cursor_of("quote_request", "created_at", "id")),
        ),
    ),
    Page("commerce:ask-quote", Permission.BUY, screen=True, query=configuration),
    Page(
        "commerce:ask-quote", Permission.BUY, method="POST", status=302,
        body=lambda company: {**configuration(company), "message": "By March.", "form_key": uuid.uuid4()},
        foreign=(Foreign("a form of another company", 302, body=form_key("quote_request"), changes=True),),
    ),
    Page(
        "commerce:quote-request", Permission.VIEW_PRICES, kwargs=asked, names_row=True, screen=True,
        shows=of("quote_request.summary"),
    ),
    Page("commerce:close-quote-request", Permission.BUY, method="POST", kwargs=asked, names_row=True, status=302),
    Page(
        "commerce:quotes", Permission.VIEW_PRICES, screen=True, shows=of("quote.number"),
        foreign=(
            Foreign(
                "from a quote of another company on", 200, query=cursor_of("quote", "created_at")
            ),
        ),
    ),
    Page(
        "commerce:create-quote", Permission.BUY, method="POST", status=302,
        body=lambda company: {**configuration(company), "form_key": uuid.uuid4()},
        foreign=(Foreign("a form of another company", 302, body=form_key("quote"), changes=True),),
    ),
    Page(
        "commerce:quote", Permission.VIEW_PRICES, kwargs=quote, names_row=True, screen=True,
        shows=of("quote.number"), changes=True,  # The first view is written down.
    ),
    Page("commerce:quote-pdf", Permission.VIEW_PRICES, kwargs=quote, names_row=True, changes=True),
    Page(
        "commerce:accept-quote", Permission.BUY, method="POST", kwargs=quote, names_row=True, status=302,
        arrange=cancel_unpaid,
        body=lambda company: {
            "shown_hash": company.quote.price_hash, "name": "Ada Achterberg", "consent": "on", "po_number": "",
        },
        foreign=(
            Foreign("the price of another company", 302, body=lambda other: {"shown_hash": other.quote.price_hash}),
        ),
    ),
    Page(
        "commerce:refresh-quote", Permission.BUY, method="POST", kwargs=quote, names_row=True, status=302,
        arrange=expire,
    ),
    Page(
        "commerce:decline-quote", Permission.BUY, method="POST", kwargs=quote, names_row=True, status=302,
        body=lambda company: {"reason": "We found another offer."},
    ),
    Page(
        "commerce:withdraw-quote", Permission.BUY, method="POST", kwargs=quote, names_row=True, status=302,
    ),
    Page(
        "commerce:comment-on-quote", Permission.VIEW_PRICES, method="POST", kwargs=quote, names_row=True, status=302,
        body=lambda company: {"text": "Does this include training?"},
    ),
    Page(
        "commerce:compare-quotes", Permission.VIEW_PRICES, screen=True, shows=of("quote.number"),
        query=lambda company: {"quote": str(company.quote.public_id)},
        foreign=(
            Foreign("a quote of another company", 404, query=lambda other: {"quote": str(other.quote.public_id)}),
        ),
    ),
    Page(
        "commerce:approvals", Permission.VIEW_PRICES, screen=True, shows=of("approval.quote.number"),
        foreign=(
            Foreign(
                "from a request of another company on", 200, query=cursor_of("approval", "requested_at", "id")
            ),
        ),
    ),
    Page("commerce:approvals-card", Permission.APPROVE_PURCHASES, shows=of("approval.quote.number")),
    Page(
        "commerce:approval", Permission.VIEW_PRICES, kwargs=approval, names_row=True, screen=True,
        shows=of("approval.quote.number"),
    ),
    Page(
        "commerce:approve", Permission.APPROVE_PURCHASES, method="POST", kwargs=approval, names_row=True, status=302,
        arrange=cancel_unpaid,
    ),
    Page(
        "commerce:refuse", Permission.APPROVE_PURCHASES, method="POST", kwargs=approval, names_row=True, status=302,
        body=lambda company: {"note": "Not this year."},
    ),
    Page(  # The administrator, who did not ask for it, is told so.
        "commerce:withdraw-approval", Permission.BUY, method="POST", kwargs=approval, names_row=True, status=302,
        changes=False,
    ),
    Page("commerce:purchase-limits", Permission.MANAGE_COMPANY, screen=True),
    Page(
        "commerce:purchase-limits", Permission.MANAGE_COMPANY, method="POST", status=302,
        body=lambda company: {"buyer": "2500", "approver": "", "administrator": ""},
    ),
    Page(
        "commerce:orders", Permission.VIEW_ORDERS, screen=True, shows=of("order.number"),
        foreign=(
            Foreign("from an order of another company on", 200, query=cursor_of("order", "placed_at")),
        ),
    ),
    Page(
        "commerce:order", Permission.VIEW_ORDERS, kwargs=number("order"), names_row=True, screen=True,
        shows=of("order.number"),
    ),
    Page(
        "commerce:order", Permission.VIEW_ORDERS, kwargs=number("active_order"), names_row=True, screen=True,
        shows=of("active_order.number"), label="active",
    ),
    Page(
        "commerce:cancel-order", Permission.BUY, method="POST", kwargs=number("order"), names_row=True, status=302
    ),
    Page("commerce:export-orders", Permission.VIEW_ORDERS, changes=True),  # An export is noted.
    Page(  # Its invoice is issued: the number stands.
        "commerce:change-reference", Permission.BUY, method="POST", kwargs=number("order"), names_row=True, status=302,
        body=lambda company: {"po_number": "PO-7"}, changes=False,
    ),
    Page(  # To the configurator; nothing is ordered yet.
        "commerce:order-again", Permission.BUY, method="POST", kwargs=number("active_order"), names_row=True,
        status=302, changes=False,
    ),
    Page("commerce:licences", Permission.VIEW_LICENCES, screen=True, shows=of("licence.ending")),
    Page(
        "commerce:show-licence", Permission.VIEW_LICENCES, method="POST", kwargs=licence, names_row=True,
        shows=of("licence.text"),
    ),
    Page(
        "commerce:copied-licence", Permission.VIEW_LICENCES, method="POST", kwargs=licence, names_row=True, status=204
    ),
    Page(
        "commerce:product-download", Permission.VIEW_LICENCES, changes=True,  # A download is recorded.
        kwargs=lambda company: {"public_id": ProductFile.objects.get(kind="download").public_id},
    ),
    Page(
        "commerce:invoices", Permission.VIEW_INVOICES, screen=True, shows=of("invoice.number"),
        foreign=(
            Foreign(
                "from an invoice of another company on", 200, query=cursor_of("invoice", "issue_date", "number")
            ),
        ),
    ),
    Page("commerce:invoice-archive", Permission.VIEW_INVOICES),
    Page("commerce:statement", Permission.VIEW_INVOICES, changes=True),  # A download is recorded.
    Page("commerce:billing-profile", Permission.MANAGE_BILLING, screen=True),
    Page("commerce:cards", Permission.MANAGE_BILLING, screen=True),
    Page("commerce:add-card", Permission.MANAGE_BILLING, screen=True),
    Page(
        "commerce:add-card", Permission.MANAGE_BILLING, method="POST", needs_stripe=True, headers=ANSWERS_JSON,
        shows=lambda company: {"what the browser needs": "client_secret"},
    ),
    Page(
        "commerce:store-card", Permission.MANAGE_BILLING, method="POST", needs_stripe=True, headers=ANSWERS_JSON,
        body=lambda company: {"setup": card(company)}, shows=lambda company: {"where to go": "/company/cards/"},
        foreign=(
            Foreign("a card of another company", 200, body=lambda other: {"setup": card(other)}, changes=True),
        ),
    ),
    Page(
        "commerce:choose-card", Permission.MANAGE_BILLING, method="POST", kwargs=stored_card, names_row=True,
        status=302, arrange=choose_none,
    ),
    Page("commerce:remove-card", Permission.MANAGE_BILLING, kwargs=stored_card, names_row=True, screen=True),
    Page(
        "commerce:remove-card", Permission.MANAGE_BILLING, method="POST", kwargs=stored_card, names_row=True,
        status=302, needs_stripe=True,
    ),
    Page(
        "commerce:auto-pay", Permission.MANAGE_BILLING, method="POST", status=302,
        body=lambda company: {"agree": "on"},
    ),
    Page(
        "commerce:retry-payment", Permission.PAY_INVOICES, method="POST", kwargs=number("invoice"), names_row=True,
        status=302, needs_stripe=True, body=lambda company: {"after": str(company.attempt.number)},
    ),
    Page(
        "commerce:billing-profile", Permission.MANAGE_BILLING, method="POST", status=302,
        body=lambda company: {
            "billing_email": "bills@acme.example", "billing_street": "Elbe 1", "billing_postal_code": "20457",
            "billing_city": "Hamburg", "billing_country": "DE", "vat_id": "", "billing_po_number": "PO-1",
            "billing_reference": "",
        },
    ),
    Page(
        "commerce:invoice", Permission.VIEW_INVOICES, kwargs=number("invoice"), names_row=True, screen=True,
        shows=of("invoice.number"),
    ),
    Page(
        "commerce:invoice-pdf", Permission.VIEW_INVOICES, kwargs=number("invoice"), names_row=True,
        changes=True,  # The document is made once and kept.
    ),
    Page(
        "commerce:invoice-xml", Permission.VIEW_INVOICES, kwargs=number("invoice"), names_row=True,
        changes=True,  # As above.
    ),
    Page(
        "commerce:pay", Permission.PAY_INVOICES, kwargs=number("invoice"), names_row=True, screen=True,
        shows=of("invoice.number"),
    ),
    Page(
        "commerce:pay", Permission.PAY_INVOICES, method="POST", kwargs=number("invoice"), names_row=True,
        needs_stripe=True, headers=ANSWERS_JSON, shows=lambda company: {"what the browser needs": "client_secret"},
    ),
    Page(
        "commerce:start-payment", Permission.PAY_INVOICES, method="POST", kwargs=number("invoice"), names_row=True,
        needs_stripe=True, headers=ANSWERS_JSON, body=lambda company: {"setup": card(company)},
        shows=lambda company: {"where to go": "/payments/"},
        foreign=(
            # The company gets a customer of its own at Stripe before the card is looked at.
            Foreign("a card of another company", 200, body=lambda other: {"setup": card(other)}, changes=True),
        ),
    ),
    Page(
        "commerce:start-checkout", Permission.PAY_INVOICES, method="POST", kwargs=number("invoice"), names_row=True,
        status=302, changes=False,  # The card form is chosen here: nobody is sent to Stripe's page.
    ),
    Page("commerce:payment-back", Permission.PAY_INVOICES, kwargs=attempt, names_row=True, status=302),
    Page("commerce:payment", Permission.PAY_INVOICES, kwargs=attempt, names_row=True, screen=True),
    Page(
        "commerce:finish-payment", Permission.PAY_INVOICES, method="POST", kwargs=attempt, names_row=True, status=302,
        changes=False,  # The attempt is at its end.
    ),
    Page(
        "commerce:stripe-webhook", audience=Audience.EVERYBODY, method="POST", status=400, is_csrf_checked=False,
        body=lambda company: {"id": "evt_2"}, content_type="application/json", changes=False,
    ),  # Unsigned: refused for everybody alike. tests/commerce sends signed ones.
]  # fmt: skip

RECOMMENDATIONS = [
    Page(
        "recommendations:open-offer", Permission.BUY, method="POST", kwargs=lambda company: {"code": "sso"}, status=302
    ),
]  # fmt: skip
