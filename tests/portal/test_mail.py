"""Every mail the portal sends: it has its texts, reads as meant, and its link leads somewhere."""

import ast
import re
from datetime import date
from html import unescape

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import Cover, Erasure, Handover, OutgoingMail
from accounts.notifications import Category, notify
from accounts.notifications.letters import FOOTER
from accounts.notifications.types import types
from commerce.billing.cards import WaitsForCard
from commerce.models import (
    Collection,
    DayTotal,
    Dunning,
    Invoice,
    PaymentAttempt,
    PendingChange,
    PurchaseApproval,
    QuoteApproval,
    QuoteComment,
    QuoteRequest,
    RefundAttempt,
    Renewal,
    RenewalNotice,
    RetentionAnswer,
)
from tests.world import client_of

MAIL = settings.BASE_DIR / "templates" / "mail"


def kinds_in_code():
    """Every text given as `kind` where `notify` is used, also through a variable of that name."""
    kinds = set()
    for app in settings.LOCAL_APPS:
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            if "notify" not in (text := path.read_text()):
                continue
            for node in ast.walk(ast.parse(text)):
                named = isinstance(node, ast.keyword) and node.arg == "kind"
                assigned = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "kind"
                if named or assigned:
                    value = node.value
                    values = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                    kinds |= {one.value for one in values if isinstance(one, ast.Constant)}
    return kinds


def test_every_mail_sent_is_declared_and_has_its_subject_and_text_and_no_other_lies_about():
    kinds = kinds_in_code()
    assert {"case_opened", "case_reply", "case_resolved", "order_confirmed", "receipt"} <= kinds
    assert kinds <= types().keys()
    wanted = {f"{kind}.{part}" for kind in types() for part in ("subject.txt", "txt")}
    assert wanted == {path.name for path in MAIL.iterdir() if path.suffix == ".txt"}


@pytest.mark.parametrize("kind", types().values(), ids=types())
def test_a_type_says_what_its_settings_and_its_bell_need(kind):
    assert kind.label
    assert kind.category in Category
    assert kind.line or not kind.in_bell or not kind.is_optional, "what the bell shows has a line"
    assert kind.is_optional or not kind.is_marketing


def contexts(company):
    """What the code gives to each mail."""
    letter = invitation_to_the_reader(company)
    invoice = company.active_order.invoice
    invoice.paid_at = invoice.paid_at or company.active_order.placed_at
    url = f"{settings.PORTAL_BASE_URL}/orders/?company={company.account.public_id}"
    decided = PurchaseApproval.objects.get(pk=company.approval.pk)
    decided.decided_by, decided.note = company.administrator, "Next year."
    answered = QuoteRequest.objects.get(pk=company.quote_request.pk)
    answered.answer, answered.quote = "Gladly.", company.quote
    lines = company.active_order.quote.lines.select_related("product")
    return (
        {
            "digest": {"lines": [{"text": "Order O-1 is active", "url": url}] * 2, "count": 3, "more": 1},
            "case_opened": {"case": company.case},
            "case_reply": {"case": company.case, "message": company.message},
            "case_resolved": {"case": company.case, "message": company.message},
            "case_shared": {"case": company.case, "added_by": company.people["support"]},
            "approval_requested": {"approval": company.approval},
            "approval_given": {"approval": decided, "order": company.active_order},
            "approval_refused": {"approval": decided},
            "approval_lapsed": {"approval": decided},
            "configuration_shared": {"configuration": company.saved, "shared_by": company.people["buyer"]},
            "quote_requested": {"quote_request": company.quote_request},
            "quote_request_answered": {"quote_request": answered},
            "order_confirmed": {"order": company.active_order, "lines": lines},
            "order_set_up": {"order": company.active_order, "lines": lines},
            "order_progress": {
                "order": company.active_order,
                "step": company.step,
                "product": company.step.line.product,
            },
            "order_cancelled": {"order": company.order, "reason": "The wrong plan.", "was_paid": True},
            "order_step_failed": {
                "order": company.active_order,
                "step": company.step,
                "product": company.step.line.product,
            },
            "invitation": letter,
            "claim_link": letter,
            "invitation_accepted": {"newcomer": company.administrator, "member": company.administrator.membership},
            "join_requested": {"asked": company.join_request},
            "join_approved": {"member": company.administrator.membership},
            "join_declined": {},
            "roles_changed": {"member": company.administrator.membership},
            "people_merged": {"address": "ada@old.example", "kept": company.administrator.email},
            "code_used_again": {"device": "Firefox on Linux", "ip": "203.0.113.9"},
            "second_factor_reset": {"member": company.administrator.membership, "by": company.people["support"]},
            "unusual_requests": {"alarms": ["Exports: 21 by or as Ada Achterberg (admin@acme.example)"]},
            "data_export_ready": {"export": company.data_export},
            "erasure_requested": {"erasure": Erasure(due_at=timezone.now())},
            "erasure_receipt": {
                "erasure": Erasure(
                    receipt=[
                        {"what": "Second factors", "count": 1, "is_kept": False, "reason": ""},
                        {"what": "Orders", "count": 2, "is_kept": True, "reason": "The books keep them."},
                    ]
                )
            },
            "credit_note": {
                "note": Invoice(number=invoice.number, currency="EUR", total_minor=-1190, reason="Two seats too many."),
                "invoice": invoice,
                "credited": 1190,
            },
            "invoice_issued": {"invoice": invoice},
            "invoice_withdrawn": {"invoice": invoice},
            "refund": {"refund": RefundAttempt(amount_minor=1190, currency="EUR"), "invoice": invoice},
            "invoice_reminder": {"invoice": invoice, "is_overdue": True, "is_last": True},
            **of_what_is_owed(company, invoice),
            "receipt": {"invoice": invoice, "order": company.active_order, "amount_minor": invoice.total_minor},
        }
        | of_the_account_team(company)
        | of_quotes(company)
        | of_contracts(company)
        | of_the_deal_desk(company)
    )


def of_what_is_owed(company, invoice):
    day = invoice.due_date
    dunning = Dunning.objects.get(account=company.account)
    dunning.state, dunning.cancellation_date = "suspended", day
    context = {"dunning": dunning, "state": "suspended", "invoice": invoice, "customer": company.account}
    attempt = PaymentAttempt(invoice=invoice, decline_code="insufficient_funds")
    return {
        "card_not_charged": {
            "invoice": invoice, "attempt": attempt, "stop": None, "dunning": dunning,
            "collection": Collection(invoice=invoice, next_try_date=day),
        },
        "card_expires": {"card": company.card, "needed": WaitsForCard((invoice,), (company.contract,))},
        "standing": context,
        "customer_suspended": context,
        "totals_differ": {"totals": [DayTotal(day=day, kind="payments", currency="EUR", ours_minor=0, theirs_minor=1)]},
    }  # fmt: skip


def of_quotes(company):
    quote = company.quote
    said = {"quote": quote, "comment": QuoteComment(quote=quote, author=company.people["buyer"], text="Is VAT in it?")}
    offered = {"quote": quote, "by": company.account.owner, "total": "€764.93", "last_day": "2 December 2026"}
    return {"quote_asked": said, "quote_answered": said, "quote_presented": offered}


def of_contracts(company):
    contract = company.contract
    change = PendingChange(
        contract=contract, kind="end", effective_date=contract.end_date, reason="not_used", words="Too quiet."
    )
    answer = RetentionAnswer(contract=contract, reason="not_used", headline="Pause instead", words="Fine.")
    return {
        "contract_change": {"change": change, "short": ()},
        "contract_attention": {"change": change, "contract": contract, "short": ()},
        "retention_offer_taken": {"answer": answer, "contract": contract},
    } | of_renewals(contract)


def of_renewals(contract):
    renewal = contract.renewal
    about = {"renewal": renewal, "contract": contract}
    over = {**about, "renewal": Renewal(contract=contract, due_date=contract.end_date, successor=contract)}
    told = {
        kind: about | {"notice": RenewalNotice(renewal=renewal, days_before=days)}
        for kind, days in (
            ("renewal_offer", 120), ("renewal_notice", 14), ("renewal_grace", 0), ("renewal_suspended", -15),
            ("renewal_attention", 14),
        )
    }  # fmt: skip
    return told | {
        "renewal_done": over,
        "renewal_winback": about | {"percent": "10"},
        "renewal_talk": about | {"words": "The seats."},
    }


def of_the_deal_desk(company):
    quote = company.order.quote
    request = QuoteApproval.objects.create(
        account=quote.account, quote=quote, price_hash=quote.price_hash, position=1, group="Finance"
    )
    request.decided_by, request.note = company.account.owner, "Below cost"
    about = {"approval": request, "quote": quote, "customer": quote.account, "reasons": ["Discount above 10 %"]}
    return dict.fromkeys(("deal_desk_asks", "deal_desk_approved", "deal_desk_rejected"), about)


def of_the_account_team(company):
    agent, taker = company.account.owner, company.account.sales_contact
    handover = Handover(taker=taker, made_by=agent, reason="Sam leaves")
    cover = Cover(absentee=agent, stand_in=taker, start_date=date(2026, 12, 1), end_date=date(2026, 12, 15))
    names = {"handover": handover, "names": [company.account.name, "Globex Retail Ltd"]}
    return {
        "portfolio_received": names,
        "portfolio_given": names,
        "account_team_changed": {"handover": handover, "roles": ["Sales"]},
        "cover_arranged": {"cover": cover},
        "setup_test": {},
    }


def invitation_to_the_reader(company):
    invitation = company.invitation
    invitation.email = company.administrator.email
    token = invitation.new_link(now=timezone.now())
    invitation.save()
    return {"invitation": invitation, "token": token}


# To the vendor's people: their links lead into the admin.
TO_STAFF = {
    "order_step_failed",
    "customer_suspended",
    "totals_differ",
    "portfolio_received", "portfolio_given", "cover_arranged", "setup_test", "unusual_requests",
    "quote_requested", "quote_asked", "deal_desk_asks", "deal_desk_approved", "deal_desk_rejected",
    "contract_attention", "retention_offer_taken", "renewal_attention", "renewal_talk",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(types()))
def test_a_mail_greets_tells_and_leads_to_its_page(in_the_world, kind):
    company = in_the_world.acme
    company.case.subject = 'Odd & <b>bold</b>\r\nBcc: "everybody"'
    reader = in_the_world.superuser if kind in TO_STAFF else company.administrator
    notify(kind=kind, to=[reader], account=company.account, context=contexts(company)[kind])
    mail = OutgoingMail.objects.filter(kind=kind, to=reader.email).latest("pk")
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject
    assert 5 < len(mail.subject) <= 250
    assert mail.text.startswith(f"Hello {reader.first_name},")
    text, _footer, settings_link = mail.text.partition(f"\n{FOOTER}")
    assert re.search(rf"\nYour {settings.VENDOR_NAME} (support )?team\n\Z", text)
    assert bool(settings_link) == types()[kind].is_optional
    assert "<b>bold</b>" not in mail.html
    for text in (mail.subject, mail.text):
        assert not re.search(r"&\w+;|&#\d+;|{[{%]|None", text)
    assert "\n\n\n" not in mail.text
    links = re.findall(r"http\S+", mail.text)
    assert links
    assert {unescape(link) for link in re.findall(r'href="([^"]+)"', mail.html)} == set(links)
    for link in links:
        assert link.startswith(settings.PORTAL_BASE_URL)
        assert client_of(reader).get(link.removeprefix(settings.PORTAL_BASE_URL), follow=True).status_code == 200


def test_somebody_deactivated_gets_none(in_the_world):
    reader = in_the_world.acme.administrator
    before = OutgoingMail.objects.count()
    reader.is_active = False
    notify(kind="case_opened", to=[reader], account=in_the_world.acme.account, context={"case": in_the_world.acme.case})
    reader.is_active = True
    assert OutgoingMail.objects.count() == before
