"""What people do again and again: sign in, choose a plan, pay by card."""

import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.stack_fixtures import Portal, until

ACCEPTED = "4242424242424242"
DECLINED = "4000000000000341"
ASKS_THE_BANK = "4000002760003184"
PASSWORD = "portal-demo"


def sign_in(page: Page, email: str) -> None:
    """With the public password of the demo people."""
    page.goto("/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_hidden()


def sign_in_by_code(portal: Portal, page: Page, email: str) -> None:
    """With a code from the mail: everybody can, also who has no password."""
    known = len(portal.mail(email))
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Send me a sign-in code").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="Send the code").click()
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    until(lambda: len(portal.mail(email)) > known, f"no sign-in code was sent to {email}")
    code = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", portal.mail(email)[0]["text"], re.MULTILINE)
    assert code, f"there is no code in the mail: {portal.mail(email)[0]['text']}"
    page.get_by_label("Code").fill(code[1])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Enter your code")).to_be_hidden()


@dataclass(frozen=True)
class Purchase:
    """An accepted quote: what it is called everywhere."""

    order: str
    invoice: str
    deal_id: Any
    total_minor: int

    @property
    def pay_path(self) -> str:
        return f"/invoices/{self.invoice}/pay/"


def accept_quote(page: Page) -> None:
    """On the quote's page."""
    page.get_by_label("I accept this quote").check()
    page.get_by_role("button", name=re.compile("Accept and pay")).click()
    expect(page.get_by_role("heading", level=1, name=re.compile("Pay invoice"))).to_be_visible()


def purchase_on(portal: Portal, page: Page) -> Purchase:
    """The purchase whose pay page is open."""
    invoice = page.url.split("/invoices/")[1].split("/")[0]
    row = portal.row(
        "SELECT o.serial, i.number, i.total_minor, d.public_id FROM commerce_invoice i"
        " JOIN commerce_order o ON o.id = i.order_id JOIN commerce_deal d ON d.id = o.deal_id WHERE i.number = %s",
        invoice,
    )
    assert row is not None
    return Purchase(f"O-{row['serial']}", row["number"], row["public_id"], row["total_minor"])


def order_more_seats(portal: Portal, page: Page, more: int = 5) -> Purchase:
    """From the configurator to the pay page, with some seats more than now."""
    page.goto("/plans/configure/?view=full")
    seats = page.get_by_label("Seats")
    seats.fill(str(int(seats.input_value()) + more))
    page.get_by_role("button", name="Review the quote").click()
    accept_quote(page)
    return purchase_on(portal, page)


def fill_card(page: Page, number: str) -> None:
    """Into the fields that localstripe's Stripe.js puts on the page."""
    for name, value in [("number", number), ("exp_month", "12"), ("exp_year", "39"), ("cvc", "123")]:
        page.get_by_placeholder(name, exact=True).fill(value)


def pay_button(page: Page) -> Any:
    return page.get_by_role("button", name=re.compile(r"^Pay\b"))


def expect_paid(page: Page, *, seconds: float = 20) -> None:
    expect(page.get_by_role("heading", level=1, name="Thank you, it is paid")).to_be_visible(timeout=seconds * 1000)


def assert_paid_once(portal: Portal, purchase: Purchase) -> None:
    """One charge at localstripe, one order, one paid invoice, one Opportunity: whatever happened on the way."""
    charges = portal.charges(purchase.invoice)
    assert [one["amount"] for one in charges] == [purchase.total_minor], "not charged exactly once"
    rows = portal.rows(
        "SELECT o.serial, o.status AS order_status, i.status AS invoice_status, d.stage,"
        " (SELECT count(*) FROM commerce_paymentattempt a WHERE a.invoice_id = i.id AND a.state = 'succeeded') AS paid"
        " FROM commerce_order o JOIN commerce_deal d ON d.id = o.deal_id"
        " LEFT JOIN commerce_invoice i ON i.order_id = o.id WHERE d.public_id = %s",
        purchase.deal_id,
    )
    assert [f"O-{row['serial']}" for row in rows] == [purchase.order], "not exactly one order"
    assert rows[0]["order_status"] in ("paid", "active")  # Paid: what it takes to set it up goes on.
    assert {name: rows[0][name] for name in ("invoice_status", "stage", "paid")} == {
        "invoice_status": "paid",
        "stage": "won",
        "paid": 1,
    }
    until(
        lambda: [one["StageName"] for one in portal.org("Opportunity", purchase.deal_id)] == ["Closed Won"],
        "the org has no Opportunity that is closed won",
        seconds=30,
    )
    orders = portal.rows("SELECT public_id FROM commerce_order WHERE serial = %s", int(purchase.order[2:]))
    until(lambda: len(portal.org("Order", orders[0]["public_id"])) == 1, "the org has no Order", seconds=30)
