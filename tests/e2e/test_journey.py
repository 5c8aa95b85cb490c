"""The journey: one customer from signing in to what the portal earned with them, on real servers in a real browser.

The steps build on each other, as they do for a customer; a step whose beginning is missing says which one it is.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sandbox import web
from sandbox.stack import SALESFORCE
from tests.e2e.stack_fixtures import Portal, until
from tests.e2e.steps import (
    ASKS_THE_BANK,
    DECLINED,
    Purchase,
    accept_quote,
    assert_paid_once,
    expect_paid,
    fill_card,
    pay_button,
    purchase_on,
    sign_in,
    sign_in_by_code,
)

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("e2e")]

ADA, MILO, SAM, MINA = "admin@acme.example", "member@acme.example", "support@vendor.example", "manager@vendor.example"
# The smallest PNG there is: one grey dot.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a4944415478da6368000000820081da45083b0000000049454e44ae426082"
)


def acme(portal: Portal) -> dict[str, Any]:
    row = portal.row("SELECT * FROM accounts_account WHERE name = 'Acme Logistics GmbH'")
    assert row is not None, "the demo company has no Acme Logistics GmbH"
    return row


def upgrade(portal: Portal) -> Purchase:
    """What was bought in step 4."""
    row = portal.row(
        "SELECT o.serial, i.number, i.total_minor, d.public_id FROM commerce_order o"
        " JOIN commerce_invoice i ON i.order_id = o.id JOIN commerce_deal d ON d.id = o.deal_id"
        " JOIN accounts_user u ON u.id = o.placed_by_id"
        " WHERE u.email = %s AND o.status IN ('paid', 'active') AND o.po_number = 'PO-4711'",
        ADA,
    )
    if row is None:
        pytest.fail("There is no paid order: step 4 (grow) has failed, or was not run.", pytrace=False)
    return Purchase(f"O-{row['serial']}", row["number"], row["public_id"], row["total_minor"])


# 1. Sign in


def test_1_ada_signs_in_and_switches_between_her_companies(portal, visit):
    page = visit()
    sign_in(page, ADA)
    expect(page).to_have_url(f"{portal.url}/")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Acme Logistics GmbH")
    switcher = page.locator("header details", has_text="Acme Logistics GmbH")
    switcher.locator("summary").click()
    switcher.get_by_role("button", name="Acme Freight Polska Sp. z o.o.").click()
    expect(main).to_contain_text("Acme Freight Polska Sp. z o.o.")
    expect(main).not_to_contain_text("Acme Logistics GmbH")


def test_1_a_wrong_password_and_an_unknown_address_are_told_the_same(visit):
    page = visit()
    told = []
    for email in (ADA, "nobody@acme.example"):
        page.goto("/accounts/login/")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill("not-the-password")
        page.get_by_role("button", name="Sign in", exact=True).click()
        told.append(page.get_by_role("alert").inner_text())
    assert told[0] == told[1]


def test_1_milo_signs_in_with_a_code_from_his_mail(portal, visit):
    page = visit()
    sign_in_by_code(portal, page, MILO)
    expect(page).to_have_url(f"{portal.url}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Milo")


# 2. Home


def test_2_every_number_on_home_leads_to_where_it_comes_from(visit):
    page = visit(ADA)
    page.goto("/")
    main = page.get_by_role("main")
    contract = main.locator("section.card", has_text=re.compile(r"Contract C-"))
    expect(contract.locator("li[data-state=next]")).to_contain_text("Notice deadline")
    expect(main.get_by_role("progressbar")).to_have_count(4)
    expect(main.get_by_text("46 of 50 seats used")).to_be_visible()
    expect(main.get_by_role("heading", name=re.compile("Your team"))).to_be_visible()
    for link in ("Seats", "Per month, before tax", "Days left in the term"):
        assert (contract.get_by_role("link", name=link).get_attribute("href") or "").startswith("/contracts/C-")

    contract.get_by_role("link", name="Seats").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Contract C-")
    page.goto("/")
    seats = main.locator(".meter").first
    used = seats.locator("strong").inner_text()
    seats.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Usage")
    expect(main.locator(".meter").first.locator("strong")).to_have_text(used)
    page.goto("/")
    open_case = main.get_by_role("table").get_by_role("link").first
    subject = open_case.inner_text()
    open_case.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(subject)


# 3. Help first


def test_3_an_article_answers_before_a_case_is_opened(portal, visit):
    account = acme(portal)
    count = "SELECT count(*) AS number FROM cases_case WHERE account_id = %s"
    before = portal.row(count, account["id"])
    page = visit(MILO, by_code=True)
    page.goto("/cases/new/")
    subject = page.get_by_label("Subject")
    subject.press_sequentially("How do I reset my password", delay=20)
    article = page.locator("#suggestions details").first
    expect(article).to_be_visible()
    expect(subject).to_be_focused()
    article.locator("summary").click()
    # The text of the article, not the summary that it replaces: the button below moves when it arrives.
    expect(article.locator("[role=region] h2").first).to_be_visible()
    title = article.locator("summary").inner_text()
    article.get_by_role("button", name="This solved it").click()
    expect(page.get_by_role("heading", level=1, name="Glad that helped")).to_be_visible()

    [deflection] = portal.rows(
        "SELECT a.title, d.subject, u.email FROM knowledge_deflection d JOIN knowledge_article a ON a.id = d.article_id"
        " JOIN accounts_user u ON u.id = d.user_id WHERE d.subject = 'How do I reset my password'"
    )
    assert (deflection["title"], deflection["email"]) == (title, MILO)
    assert portal.row(count, account["id"]) == before


def test_3_milo_opens_a_case_and_support_answers_it(portal, visit):
    page = visit(MILO, by_code=True)
    page.goto("/cases/new/")
    page.get_by_label("Subject").fill("Scanner 7 drops barcodes")
    page.get_by_label("What happened?").fill(
        "Since this morning every third barcode is missing from the delivery list."
    )
    page.get_by_label("Attachments").set_input_files({"name": "scanner.png", "mimeType": "image/png", "buffer": PNG})
    page.get_by_role("button", name="Open the case").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Scanner 7 drops barcodes")
    number = page.url.rstrip("/").split("/")[-1]
    with page.expect_download() as download:
        page.get_by_role("link", name="scanner.png").click()
    assert download.value.path().read_bytes() == PNG

    desk = visit(SAM)
    desk.goto(f"/admin/cases/case/?q={number}")
    desk.get_by_role("link", name=number).click()
    answer = desk.locator("#answer")
    answer.get_by_role("textbox").first.fill(
        "Please update the scanner to firmware 4.2, and tell us whether that helps."
    )
    answer.get_by_role("button", name="Send the answer").click()
    expect(desk.get_by_text("The answer was sent to Milo Brandt.")).to_be_visible()

    letters = until(lambda: portal.mail(MILO, f"{number}: a reply"), "Milo got no mail about the reply")
    assert f"/cases/{number}/" in letters[0]["text"]
    page.reload()
    main = page.get_by_role("main")
    expect(main).to_contain_text("firmware 4.2")
    page.get_by_label("Your reply").fill("That helped, thank you!")
    page.get_by_role("button", name="Send the reply").click()
    expect(main.get_by_role("listitem").filter(has_text="That helped, thank you!")).to_be_visible()
    expect(page.get_by_label("Your reply")).to_have_value("")
    desk.reload()
    expect(desk.get_by_text("That helped, thank you!")).to_be_visible()


# 4. Grow


def test_4_ada_upgrades_and_pays_within_five_screens(portal, visit):
    page = visit(ADA)
    screens: list[str] = []
    page.on("framenavigated", lambda frame: screens.append(frame.url) if frame == page.main_frame else None)
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Plans").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Plans and add-ons")
    page.get_by_role("link", name="Configure Business").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Change your plan")
    _configure(page)
    page.get_by_role("button", name="Review the quote").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Quote Q-")
    expect(page.get_by_text("This price stands through")).to_be_visible()
    page.get_by_label("Purchase order number").fill("PO-4711")
    accept_quote(page)
    purchase = purchase_on(portal, page)

    fill_card(page, DECLINED)
    pay_button(page).click()
    expect(page.get_by_role("alert").filter(has_text="Nothing was charged")).to_be_visible()
    assert portal.charges(purchase.invoice) == []

    fill_card(page, ASKS_THE_BANK)
    pay_button(page).dblclick()
    _confirm_with_the_bank(page)
    seen = [re.sub(r"\?.*", "", url) for url in screens]
    assert len(dict.fromkeys(seen[: _last_index(seen, purchase.pay_path) + 1])) <= 5, seen

    page.get_by_role("link", name="See your order").click()
    expect(page.get_by_role("main")).to_contain_text("Active")
    page.goto("/")
    seats = page.locator(".meter").first
    expect(seats).to_contain_text("of 60")
    page.goto("/usage/")
    expect(page.locator(".meter").first).to_contain_text("of 60")

    page.goto(f"/invoices/{purchase.invoice}/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    receipts = until(lambda: portal.mail(ADA, f"Receipt for {purchase.invoice}"), "Ada got no receipt")
    assert len(receipts) == 1
    assert_paid_once(portal, purchase)


def _configure(page: Page) -> None:
    """Business with 60 seats and single sign-on. The price follows, one request for each pause."""
    price = page.locator("#price")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/configure/price/" in request.url else None)
    seats = page.get_by_label("Seats")
    with page.expect_response(lambda answer: "seats=60" in answer.url):
        seats.select_text()
        seats.press_sequentially("60", delay=50)
    expect(price).to_contain_text("60 seats at")
    assert len(asked) == 1, asked
    with page.expect_response(lambda answer: "sso=1" in answer.url):
        page.get_by_label("Single sign-on & directory sync").select_option("1")
    expect(price).to_contain_text("Single sign-on & directory sync")
    expect(price).to_contain_text("Credit for Team")
    expect(price).to_contain_text(re.compile(r"\d+ (month|day)s?.* left of 12"))


def _confirm_with_the_bank(page: Page) -> None:
    """The stand-in asks once for setting the card up, and once for the payment."""
    confirm = page.get_by_role("button", name="Complete authentication")
    paid = page.get_by_role("heading", level=1, name="Thank you, it is paid")
    for _question in range(2):
        expect(confirm.or_(paid).first).to_be_visible()
        if confirm.is_visible():
            confirm.click()
    expect_paid(page)


def _last_index(screens: list[str], path: str) -> int:
    return max(index for index, url in enumerate(screens) if url.endswith(path))


# 5. Stay in step


def test_5_what_happened_reaches_salesforce(portal, visit):
    purchase = upgrade(portal)
    account = acme(portal)
    page = visit(ADA)
    page.goto("/company/profile/")
    page.get_by_label("Phone").fill("+49 30 5550 4711")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("+49 30 5550 4711")

    case = portal.row("SELECT public_id, serial FROM cases_case WHERE subject = 'Scanner 7 drops barcodes'")
    if case is None:
        pytest.fail("There is no case: step 3 (help first) has failed, or was not run.", pytrace=False)
    until(lambda: portal.org("Case", case["public_id"]), "the org has no Case", seconds=15)
    [opportunity] = until(lambda: portal.org("Opportunity", purchase.deal_id), "the org has no Opportunity", seconds=15)
    order = portal.row("SELECT public_id FROM commerce_order WHERE serial = %s", int(purchase.order[2:]))
    assert order is not None
    [sent] = until(lambda: portal.org("Order", order["public_id"]), "the org has no Order", seconds=15)
    until(
        lambda: portal.org("Account", account["public_id"])[0]["Phone"] == "+49 30 5550 4711",
        "the org does not know Acme's new telephone number",
        seconds=15,
    )
    assert (opportunity["StageName"], opportunity["LeadSource"]) == ("Closed Won", "Customer Portal")
    assert (sent["Name"], sent["OpportunityId"]) == (purchase.order, opportunity["Id"])

    desk = visit(MINA)
    desk.goto(f"/admin/accounts/account/{account['id']}/change/")
    expect(desk.get_by_role("region", name="Salesforce")).to_contain_text(re.compile(r"Synced \d+ (s|min) ago"))


def test_5_a_change_of_industry_in_the_org_changes_home(portal, visit):
    account = acme(portal)
    page = visit(ADA)
    page.goto("/")
    expect(page.get_by_role("main")).to_contain_text("For logistics")
    org = visit()
    [record] = until(lambda: portal.org("Account", account["public_id"]), "the org has no Acme", seconds=15)
    org.goto(f"{portal.org_url}/o/Account/{record['Id']}")
    org.get_by_label("Industry").select_option("Healthcare")
    org.get_by_role("button", name="Save").click()
    expect(org.get_by_role("status")).to_contain_text("Saved")

    until(lambda: acme(portal)["industry"] == "healthcare", "the new industry has not reached the portal", seconds=60)
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("For healthcare")
    expect(page.get_by_role("main")).not_to_contain_text("For logistics")


def test_5_with_the_org_stopped_the_portal_works_and_everything_arrives_later(portal, visit):
    page = visit(MILO, by_code=True)
    portal.stack.kill(SALESFORCE)
    try:
        page.goto("/cases/new/")
        page.get_by_label("Subject").fill("Printer in hall 3 is silent")
        page.get_by_label("What happened?").fill("It stopped in the middle of a delivery note.")
        page.get_by_role("button", name="Open the case").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Printer in hall 3 is silent")
        case = portal.row("SELECT public_id, id FROM cases_case WHERE subject = 'Printer in hall 3 is silent'")
        assert case is not None
        until(
            lambda: portal.row("SELECT 1 FROM crm_pause WHERE until > now()"),
            "the sync has not noticed that the org is away",
        )
        desk = visit(SAM)
        desk.goto(f"/admin/cases/case/{case['id']}/change/")
        panel = desk.get_by_role("region", name="Salesforce")
        expect(panel).to_contain_text("Salesforce cannot be reached.")
        assert web.answers(f"{portal.stack.loopback_url}/healthz"), "the portal does not hold itself well"
    finally:
        portal.stack.restart(SALESFORCE)
    until(lambda: portal.org("Case", case["public_id"]), "the org never got the Case", seconds=60)


# 6. Earn


def test_6_mina_finds_the_order_among_what_the_portal_earned(portal, visit):
    purchase = upgrade(portal)
    deal = portal.row("SELECT name, amount_minor FROM commerce_deal WHERE public_id = %s", purchase.deal_id)
    assert deal is not None
    page = visit(MINA)
    page.goto("/insights/")
    figure = page.locator("[data-figure=influenced-revenue]")
    shown = int(re.sub(r"\D", "", figure.locator(".stat-value").inner_text()))
    assert shown >= deal["amount_minor"]
    figure.get_by_role("link", name="Influenced").click()
    amounts = page.get_by_role("main").locator("td[data-label=Amount]").all_inner_texts()
    assert sum(int(re.sub(r"\D", "", amount)) for amount in amounts) == shown
    page.get_by_role("main").get_by_role("link", name=deal["name"]).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(deal["name"])
    times = page.locator("td[data-label=When] time").evaluate_all("all => all.map(one => one.dateTime)")
    assert times
    assert times == sorted(times)
    expect(page.get_by_role("table", name="Touches")).to_contain_text(re.compile("quote", re.IGNORECASE))
    page.get_by_role("link", name="How this is counted").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("influenced revenue", re.IGNORECASE))
