"""Bank transfers: read in once, matched by their reference, and left to a person where they don't fit."""

from datetime import date, timedelta

import pytest
from celery import current_app
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, transaction
from django.urls import reverse

from commerce import tasks
from commerce.billing import bank_statements, books, crediting, settling, statements, transfers
from commerce.billing.references import creditor_reference, in_groups, is_valid
from commerce.models import (
    BalanceEntry,
    BankStatement,
    BankTransfer,
    Invoice,
    InvoiceStatus,
    OrderStatus,
    TransferState,
)
from tests.factories import make_invoice, make_staff
from tracking.actor import Actor
from tracking.models import Event, EventName

pytestmark = pytest.mark.django_db
HEADER = "booked_date,amount,currency,payer,iban,reference,bank_id\n"


@pytest.fixture
def finance(db):
    return make_staff("finance@vendor.example", "Fay Nance", group="Finance")


@pytest.fixture
def actor(finance):
    return Actor.staff(finance.pk)


@pytest.fixture
def take_in(actor, now):
    """Read lines in: `take_in("1677.13", text)`; the transfers that are new."""

    def take(amount, text, *, currency="EUR", bank_id="B1"):
        content = f"{HEADER}2026-11-18,{amount},{currency},Acme,DE89370400440532013000,{text},{bank_id}\n"
        lines = bank_statements.read(content.encode())
        read = transfers.take_in(name="statement.csv", lines=lines, actor=actor, now=now)
        if read is None:
            return []
        transfers.match_next(statement=read, now=now)
        return list(read.transfers.select_related("invoice", "account").order_by("pk"))

    return take


def owed(account):
    """What the statement of account says: the books, whatever moved where."""
    shown = statements.statement(
        account, currency="EUR", start_date=date(2026, 1, 1), end_date=date(2027, 1, 1)
    )  # fmt: skip
    assert [one.sums.difference_minor for one in books.books(account)] == [0]
    return shown.closing_minor


@pytest.fixture
def mark_paid(invoice, actor, now):
    """Finance saw the money before the statement was read in."""

    def mark():
        settling.record_bank_transfer(order=invoice.order, actor=actor, now=now - timedelta(days=1))

    return mark


# The reference


@pytest.mark.parametrize("number", ["INV-00001", "MW-2026-00042", "A1"])
def test_a_reference_has_check_digits_that_notice_a_slip(number):
    made = creditor_reference(number)
    assert is_valid(made)
    assert is_valid(in_groups(made))
    slipped = made[:-1] + ("1" if made[-1] != "1" else "2")
    assert not is_valid(slipped)


def test_the_reference_of_the_standard_s_example():
    assert creditor_reference("539007547034") == "RF18539007547034"
    assert in_groups("RF18539007547034") == "RF18 5390 0754 7034"


def test_each_invoice_shows_its_reference(signed_in, admin, invoice):
    page = signed_in(admin).get(reverse("commerce:invoice", args=[invoice.number])).content.decode()
    assert invoice.payment_reference in page
    assert "DE89 3704 0044 0532 0130 00" in page  # In fours as in the PDF, and not broken within them.
    assert is_valid(invoice.payment_reference)


# Matching


@pytest.mark.parametrize("how", ["printed", "compact", "number", "in words"])
def test_an_exact_payment_settles_its_invoice_and_fulfils_the_order(take_in, invoice, acme, how):
    text = {
        "printed": invoice.payment_reference,
        "compact": creditor_reference(invoice.number),
        "number": invoice.number,
        "in words": f"Rechnung {invoice.number} vom 18.11.",
    }[how]
    made = take_in("1677.13", text)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert invoice.order.__class__.objects.get(pk=invoice.order_id).status == OrderStatus.ACTIVE
    assert BankTransfer.objects.get().state == TransferState.SETTLED
    assert len(made) == 1
    assert owed(acme) == 0


def test_the_same_line_never_pays_twice(take_in, invoice, acme):
    take_in("1677.13", invoice.number)
    assert take_in("1677.13", invoice.number) == []
    again = take_in("1677.13", invoice.number, bank_id="B2")
    assert (again[0].state, again[0].problem) == ("waiting", "closed")
    assert BankTransfer.objects.count() == 2
    assert owed(acme) == 0


def test_without_the_bank_s_id_equal_lines_of_a_file_are_two_payments_and_of_two_files_one():
    row = "2026-11-18,5.00,EUR,Acme,DE89,thanks,\n"
    one, two = bank_statements.read((HEADER + row).encode()), bank_statements.read((HEADER + row * 2).encode())
    assert two[0].key == one[0].key
    assert len({line.key for line in two}) == 2


@pytest.mark.parametrize(
    ("amount", "currency", "text", "problem"),
    [
        ("1677.12", "EUR", "INV-00001", "partial"),
        ("1677.14", "EUR", "INV-00001", "over"),
        ("1677.13", "USD", "INV-00001", "currency"),
        ("1677.13", "EUR", "INV-00002", "unknown"),
        ("1677.13", "EUR", "INV-000011", "unknown"),
        ("1677.13", "EUR", "", "unknown"),
    ],
)
def test_what_does_not_fit_waits_for_a_person(take_in, invoice, acme, amount, currency, text, problem):
    assert invoice.number == "INV-00001"
    transfer = take_in(amount, text, currency=currency)[0]
    assert (transfer.state, transfer.problem) == ("waiting", problem)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.OPEN
    assert owed(acme) == invoice.total_minor


def test_an_invoice_that_is_being_paid_by_card_waits(take_in, invoice, make_attempt):
    make_attempt(invoice, state="unknown")
    assert take_in("1677.13", invoice.number)[0].problem == "being_paid"


# The worker


@pytest.fixture
def read_in(acme, actor, now):
    """Three invoices, and a statement that pays them, which no worker has looked at."""
    invoices = [make_invoice(acme, now=now, due_date=now.date() + timedelta(days=14)) for _number in range(3)]
    rows = "".join(f"2026-11-18,10.00,EUR,Acme,,{one.number},{one.number}\n" for one in invoices)
    lines = bank_statements.read((HEADER + rows).encode())
    return invoices, transfers.take_in(name="statement.csv", lines=lines, actor=actor, now=now)


def match_all(statement, now):
    after = 0
    while after is not None:
        after = transfers.match_next(statement=statement, now=now, after=after)


def states(statement):
    return [f"{one.state} {one.problem}".strip() for one in statement.transfers.order_by("pk")]


def test_reading_a_statement_in_pays_nothing_before_a_worker_does(read_in, finance, now):
    _invoices, statement = read_in
    assert states(statement) == ["waiting"] * 3
    assert (transfers.progress(statement).done, BankTransfer.objects.waiting().count()) == (0, 0)
    match_all(statement, now)
    assert states(statement) == ["settled"] * 3
    assert transfers.progress(statement) == transfers.Progress(total=3, left=0, waiting=0, settled=3)
    assert set(statement.transfers.values_list("handled_by", flat=True)) == {finance.pk}
    assert {one.user_id for one in Event.objects.filter(name=EventName.INVOICE_PAID)} == {finance.pk}
    assert not transfers.left_behind()


def test_what_a_worker_left_behind_is_found_and_paid_once(read_in, now, monkeypatch):
    _invoices, statement = read_in
    monkeypatch.setattr(transfers, "MATCHED_AT_ONCE", 1)
    after = transfers.match_next(statement=statement, now=now)  # And then its worker died.
    assert after == statement.transfers.earliest("pk").pk
    assert states(statement) == ["settled", "waiting", "waiting"]
    assert transfers.left_behind() == [statement.pk]
    for _worker in range(2):
        match_all(statement, now)
    assert states(statement) == ["settled"] * 3
    assert Event.objects.filter(name=EventName.INVOICE_PAID).count() == 3


@pytest.fixture
def workers():
    """What is enqueued runs at once, once its transaction has committed."""
    current_app.conf.task_always_eager = True
    yield
    current_app.conf.task_always_eager = False


@pytest.mark.usefixtures("workers")
def test_the_job_goes_on_until_all_are_matched(read_in, monkeypatch, django_capture_on_commit_callbacks):
    _invoices, statement = read_in
    monkeypatch.setattr(transfers, "MATCHED_AT_ONCE", 2)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.resume_matching()
    assert states(statement) == ["settled"] * 3


@pytest.mark.parametrize(
    ("trouble", "first", "left", "then"),
    [
        (OperationalError("deadlock detected"), "waiting", 1, "settled"),
        (RuntimeError("nobody thought of it"), "waiting failed", 0, "waiting failed"),
    ],
    ids=["tried again", "for a person"],
)
def test_one_that_fails_holds_up_no_other(read_in, now, monkeypatch, trouble, first, left, then):
    invoices, statement = read_in
    pay = settling.mark_paid

    def fail_for_the_first(**paid):
        if paid["invoice"].pk == invoices[0].pk:
            raise trouble
        pay(**paid)

    monkeypatch.setattr(settling, "mark_paid", fail_for_the_first)
    match_all(statement, now)
    assert states(statement) == [first, "settled", "settled"]
    assert transfers.left_behind() == [statement.pk] * left
    monkeypatch.undo()
    match_all(statement, now)
    assert states(statement) == [then, "settled", "settled"]


def test_what_changed_before_the_worker_came_is_for_a_person(read_in, actor, now, make_attempt):
    (paid, less, paying), statement = read_in
    with transaction.atomic():
        settling.mark_paid(invoice=paid, amount_minor=paid.due_minor, payer=actor, now=now)
    Invoice.objects.filter(pk=less.pk).update(covered_minor=1)
    make_attempt(paying, state="unknown")
    match_all(statement, now)
    assert states(statement) == ["waiting closed", "waiting over", "waiting being_paid"]
    assert not BalanceEntry.objects.exists()
    assert Event.objects.filter(name=EventName.INVOICE_PAID).count() == 1


def test_what_a_person_decided_before_the_worker_came_stands(read_in, acme, actor, now):
    _invoices, statement = read_in
    first = statement.transfers.earliest("pk")
    transfers.to_balance(transfer=first, account=acme, actor=actor, now=now)
    match_all(statement, now)
    assert states(statement) == ["credited", "settled", "settled"]


# Decisions


def test_more_than_is_owed_pays_and_the_rest_is_in_the_balance(take_in, invoice, acme, actor, now):
    transfer = take_in("1700.00", invoice.number)[0]
    transfers.assign(transfer=transfer, invoice=invoice, actor=actor, now=now)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert BalanceEntry.objects.total_minor() == 22_87
    assert owed(acme) == -22_87


def test_parts_lower_what_is_owed_until_the_last_settles(take_in, invoice, acme, actor, now):
    for bank_id in ("B1", "B2"):
        part = take_in("500.00", invoice.number, bank_id=bank_id)[0]
        transfers.assign(transfer=part, invoice=invoice, actor=actor, now=now)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.due_minor) == ("open", 677_13)
    assert owed(acme) == 677_13
    take_in("677.13", invoice.number, bank_id="B3")
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.PAID
    assert owed(acme) == BalanceEntry.objects.total_minor() == 0


def test_a_payment_of_nobody_s_goes_to_a_balance_or_back(take_in, acme, actor, now):
    credit, back = take_in("50.00", "?", bank_id="B1")[0], take_in("60.00", "?", bank_id="B2")[0]
    transfers.to_balance(transfer=credit, account=acme, actor=actor, now=now)
    transfers.send_back(transfer=back, note="Not ours", actor=actor, now=now)
    assert list(BankTransfer.objects.order_by("pk").values_list("state", flat=True)) == ["credited", "returned"]
    assert BalanceEntry.objects.total_minor() == 50_00
    for transfer in (credit, back):
        with pytest.raises(transfers.NotHandled):
            transfers.to_balance(transfer=transfer, account=acme, actor=actor, now=now)
    assert BalanceEntry.objects.total_minor() == 50_00


def test_what_is_in_credit_goes_back_to_the_account_it_came_from_once(take_in, invoice, acme, actor, now):
    transfer = take_in("1700.00", invoice.number)[0]
    with pytest.raises(transfers.NotHandled):
        transfers.pay_back(transfer=transfer, amount_minor=1, actor=actor, now=now)
    transfers.assign(transfer=transfer, invoice=invoice, actor=actor, now=now)
    for refused in (0, 22_88):
        with pytest.raises(transfers.NotHandled):
            transfers.pay_back(transfer=transfer, amount_minor=refused, actor=actor, now=now)
    transfers.pay_back(transfer=transfer, amount_minor=20_00, actor=actor, now=now)
    with pytest.raises(transfers.NotHandled):
        transfers.pay_back(transfer=transfer, amount_minor=1, actor=actor, now=now)
    assert BalanceEntry.objects.total_minor() == 2_87
    assert owed(acme) == -2_87
    assert Event.objects.get(name=EventName.PAYMENT_REFUNDED).object_id == str(transfer.public_id)


def test_a_bill_paid_by_transfer_is_credited_and_goes_back(take_in, invoice, acme, actor, now):
    transfer = take_in("1677.13", invoice.number)[0]
    crediting.credit_invoice(invoice=invoice, reason="Mistaken", actor=actor, now=now)
    transfers.pay_back(transfer=transfer, amount_minor=1677_13, actor=actor, now=now)
    assert owed(acme) == BalanceEntry.objects.total_minor() == 0


def test_what_was_decided_stands(take_in, invoice):
    made = take_in("1677.13", invoice.number)[0]
    for change in (made.delete, lambda: BankTransfer.objects.update(state="waiting")):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    assert BankTransfer.objects.get().state == TransferState.SETTLED


# Files


CAMT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>
<Ntry><Amt Ccy="EUR">1677.13</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-11-18</Dt></BookgDt>
<AcctSvcrRef>X9</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>Acme</Nm></Pty></Dbtr><DbtrAcct><Id>
<IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct></RltdPties><RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref>
</CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><BookgDt><Dt>2026-11-18</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


def test_camt_053_is_read():
    line = bank_statements.read(CAMT.encode())[0]
    assert (line.amount_minor, line.currency, line.payer) == (1677_13, "EUR", "Acme")
    assert (line.text, line.booked_date) == ("RF18539007547034", date(2026, 11, 18))
    assert bank_statements.read(CAMT.replace("<Stmt>", "<Stmt><Id>2</Id>").encode())[0].key == line.key
    assert len(bank_statements.read(CAMT.encode())) == 1


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE x [<!ENTITY a "b">]><Document/>',
        b"<Document/>",
        b"<Document",
        b"\xff\xfe",
        b"when,how_much\n",
        (HEADER + "yesterday,5,EUR,,,,\n").encode(),
        (HEADER + "2026-11-18,much,EUR,,,,\n").encode(),
        (HEADER + "2026-11-18,NaN,EUR,,,,\n").encode(),
        (HEADER + "2026-11-18,5.001,EUR,,,,\n").encode(),
        (HEADER + "2026-11-18,5,XXX,,,,\n").encode(),
        (HEADER + "2026-11-18,1e9,EUR,,,,\n").encode(),
        (HEADER + "2026-11-18,5,EUR,\0,,,\n").encode(),
        (HEADER + f'2026-11-18,5,EUR,"{"x" * 140_000}",,,\n').encode(),
        b"x" * 140_000,
        (HEADER + '2026-11-18,5,EUR,"Acme,,,\n2026-11-18,6,EUR,Globex,,,\n').encode(),
    ],
)
def test_what_can_t_be_read_is_refused_with_a_reason(content):
    with pytest.raises(bank_statements.StatementRefused) as refused:
        bank_statements.read(content)
    assert str(refused.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2026-13-18,5,EUR,,,,", "Line 2: “2026-13-18” is no date: write 2026-11-18."),
        ("2026-11-18,5,XXX,,,,", "Line 2: “XXX” is no currency that we bill in."),
    ],
)
def test_what_is_wrong_with_a_line_is_said_in_words(line, words):
    with pytest.raises(bank_statements.StatementRefused) as refused:
        bank_statements.read(f"{HEADER}{line}\n".encode())
    assert str(refused.value) == words


def test_a_long_statement_is_read():
    entry = CAMT[CAMT.index("<Ntry>") : CAMT.index("</Ntry>") + len("</Ntry>")]
    many = "".join(entry.replace("X9", f"X{number}") for number in range(1500))
    content = CAMT.replace(entry, many).encode()
    assert len(content) > 400_000
    assert len(bank_statements.read(content)) == 1500


BATCH = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>
<Ntry><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-11-18</Dt></BookgDt>
<AcctSvcrRef>B1</AcctSvcrRef><NtryDtls>%s</NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"""
PART = "<TxDtls>{money}<RmtInf><Ustrd>INV-0000{number}</Ustrd></RmtInf></TxDtls>"
INSTRUCTED = '<AmtDtls><InstdAmt><Amt Ccy="USD">60</Amt></InstdAmt></AmtDtls>'
ARRIVED = '<AmtDtls><InstdAmt><Amt Ccy="USD">60</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">50</Amt></TxAmt></AmtDtls>'


@pytest.mark.parametrize(
    ("money", "expected"),
    [
        (ARRIVED, [50_00, 50_00]),
        ('<Amt Ccy="EUR">50</Amt>', [50_00, 50_00]),
        (INSTRUCTED, [100_00]),
        ('<Amt Ccy="EUR">60</Amt>', [100_00]),
        ("", [100_00]),
    ],
)
def test_the_payments_of_a_batch_are_what_arrived_and_never_more(money, expected):
    content = BATCH % "".join(PART.format(money=money, number=number) for number in (1, 2))
    lines = bank_statements.read(content.encode())
    assert [line.amount_minor for line in lines] == expected
    assert {line.currency for line in lines} == {"EUR"}
    assert len({line.key for line in lines}) == len(lines)


@pytest.mark.parametrize("status", ["<Sts>PDNG</Sts>", "<Sts><Cd>PDNG</Cd></Sts>"])
def test_what_is_not_booked_yet_is_passed_over(status):
    assert bank_statements.read(CAMT.replace("<CdtDbtInd>", f"{status}<CdtDbtInd>", 1).encode()) == []


def test_payments_of_a_batch_share_the_bank_s_id_and_are_told_apart():
    rows = "2026-11-18,5.00,EUR,Acme,DE89,INV-00001,B1\n2026-11-18,6.00,EUR,Globex,DE90,INV-00002,B1\n"
    assert len({line.key for line in bank_statements.read((HEADER + rows).encode())}) == 2


def test_a_semicolon_file_with_decimal_commas_is_read():
    content = HEADER.replace(",", ";") + "2026-11-18;1677,13;EUR;Acme;;INV-00001;\n2026-11-18;-5,00;EUR;;;;\n"
    assert [line.amount_minor for line in bank_statements.read(content.encode())] == [1677_13]


def test_looking_asks_as_much_for_many_lines(invoice, now, django_assert_num_queries):
    rows = "".join(f"2026-11-18,5.00,EUR,Acme,,text {number},\n" for number in range(50))
    lines = bank_statements.read((HEADER + rows).encode())
    with django_assert_num_queries(4):
        transfers.look_at(lines=lines, today=now.date() + timedelta(days=1))


# Marked paid by hand before


def test_the_line_of_a_bill_marked_paid_by_hand_is_recognised_once(take_in, mark_paid, invoice, acme, actor, now):
    mark_paid()
    first, second = (take_in("1677.13", invoice.payment_reference, bank_id=bank_id)[0] for bank_id in ("B1", "B2"))
    assert [(one.state, one.problem) for one in (first, second)] == [("waiting", "marked")] * 2
    assert "by Fay Nance" in transfers.marked_words(transfers.marked_invoice(first))
    transfers.recognise(transfer=first, invoice=invoice, actor=actor, now=now)
    first.refresh_from_db()
    assert (first.state, first.invoice, first.account, first.handled_by_id) == (
        TransferState.SETTLED, invoice, acme, actor.user_id,
    )  # fmt: skip
    for transfer in (first, second):
        with pytest.raises(transfers.NotHandled):
            transfers.recognise(transfer=transfer, invoice=invoice, actor=actor, now=now)
    assert transfers.marked_invoice(second) is None
    assert take_in("1677.13", invoice.number, bank_id="B3")[0].problem == "closed"
    assert not BalanceEntry.objects.exists()
    assert owed(acme) == 0


def test_only_what_an_invoice_was_marked_paid_for_is_recognised(take_in, mark_paid, invoice, acme, actor, now):
    mark_paid()
    other = make_invoice(acme, now=now)
    exact = take_in("1677.13", "thanks", bank_id="B1")[0]
    wrong = [
        (exact, other),  # Still open.
        (take_in("1677.12", invoice.number, bank_id="B2")[0], invoice),
        (take_in("1700.00", invoice.number, bank_id="B3")[0], invoice),
        (take_in("1677.13", invoice.number, bank_id="B4", currency="USD")[0], invoice),
    ]
    for transfer, named in wrong:
        with pytest.raises(transfers.NotHandled):
            transfers.recognise(transfer=transfer, invoice=named, actor=actor, now=now)
    assert BankTransfer.objects.waiting().count() == 4
    transfers.recognise(transfer=exact, invoice=invoice, actor=actor, now=now)  # It named none, and a person knew.
    assert BankTransfer.objects.waiting().count() == 3
    assert not BalanceEntry.objects.exists()


def test_what_settled_its_invoice_itself_is_found_already(take_in, invoice, actor, now):
    take_in("1677.13", invoice.number)
    again = take_in("1677.13", invoice.number, bank_id="B2")[0]
    with pytest.raises(transfers.NotHandled):
        transfers.recognise(transfer=again, invoice=invoice, actor=actor, now=now)
    assert Invoice.objects.get().marked_paid_by is None


def test_a_part_that_came_before_is_not_the_payment_that_was_marked(take_in, mark_paid, invoice, acme, actor, now):
    part = take_in("677.13", invoice.number)[0]
    transfers.assign(transfer=part, invoice=invoice, actor=actor, now=now - timedelta(days=2))
    mark_paid()
    rest = take_in("1000.00", invoice.number, bank_id="B2")[0]
    assert rest.problem == "marked"
    transfers.recognise(transfer=rest, invoice=invoice, actor=actor, now=now)
    assert owed(acme) == 0


def test_who_marked_an_invoice_paid_stands(mark_paid, invoice, agent):
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.update(marked_paid_by=agent)
    mark_paid()
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.update(marked_paid_by=agent)


def test_finance_recognises_a_payment_in_the_admin(signed_in, finance, invoice, take_in, mark_paid, acme):
    mark_paid()
    transfer = take_in("1677.13", invoice.number)[0]
    client = signed_in(finance)
    page = reverse("admin:commerce_banktransfer_change", args=[transfer.pk])
    recognise = reverse("admin:commerce_banktransfer_recognise", args=[transfer.pk])
    text = client.get(page).content.decode()
    assert f"Invoice {invoice.number} was marked paid by hand on" in text
    assert recognise in text
    to_balance = reverse("admin:commerce_banktransfer_to_balance", args=[transfer.pk])
    refused = client.post(to_balance, {"company": acme.pk})
    assert refused.status_code == 422
    assert "Is this another payment?" in refused.content.decode()
    assert not BalanceEntry.objects.exists()
    assert client.post(recognise, {"number": invoice.number}).status_code == 302
    assert client.post(recognise, {"number": invoice.number}).status_code == 422
    assert recognise not in client.get(page).content.decode()
    assert owed(acme) == 0


def test_a_second_payment_goes_to_the_balance_where_somebody_says_that_it_is_one(
    signed_in, finance, invoice, take_in, mark_paid, acme
):
    mark_paid()
    transfer = take_in("1677.13", invoice.number)[0]
    url = reverse("admin:commerce_banktransfer_to_balance", args=[transfer.pk])
    assert signed_in(finance).post(url, {"company": acme.pk, "is_another": "on"}).status_code == 302
    assert owed(acme) == -1677_13


# Pages


def upload(invoice):
    content = f"{HEADER}2026-11-18,1677.13,EUR,Acme,,{invoice.payment_reference},B1\n2026-11-18,5,EUR,Who,,?,B2\n"
    return {"file": SimpleUploadedFile("november.csv", content.encode())}


def test_finance_looks_at_a_statement_before_it_is_read_in(signed_in, finance, invoice):
    client = signed_in(finance)
    url = reverse("admin:commerce_bankstatement_read")
    page = client.post(url, upload(invoice))
    text = page.content.decode()
    assert f"Pays {invoice.number}" in text
    assert "No invoice of ours is named" in text
    assert not BankTransfer.objects.exists()
    confirm = reverse("admin:commerce_bankstatement_confirm")
    answer = client.post(confirm, {"token": page.context["token"]}, follow=True)
    assert "New payments looked at: 1 of 2." in answer.content.decode()
    assert "hx-get" in answer.content.decode()
    waiting = client.get(reverse("admin:commerce_banktransfer_changelist")).content.decode()
    assert "Being matched" in waiting
    first = reverse("admin:commerce_banktransfer_change", args=[BankTransfer.objects.being_matched().get().pk])
    assert ">Being matched<" in client.get(first).content.decode()
    assert Invoice.objects.get().status == InvoiceStatus.OPEN
    tasks.match_transfers(statement_id=BankStatement.objects.get().pk)
    assert Invoice.objects.get().status == InvoiceStatus.PAID
    part = client.get(answer.redirect_chain[0][0], headers={"HX-Request": "true"}).content.decode()
    assert "New payments looked at: 2 of 2." in part
    assert "Invoices paid: 1. Waiting for you: 1." in part
    assert "hx-get" not in part
    assert "<html" not in part
    assert "Read in before" in client.post(url, upload(invoice)).content.decode()
    again = client.post(confirm, {"token": page.context["token"]}, follow=True)
    assert "Nothing in this statement is new." in again.content.decode()
    assert (BankStatement.objects.count(), BankTransfer.objects.count()) == (1, 2)


def test_finance_decides_in_the_admin(signed_in, finance, invoice, take_in, acme):
    transfer = take_in("500.00", "?")[0]
    client = signed_in(finance)
    assert client.get(reverse("admin:commerce_banktransfer_change", args=[transfer.pk])).status_code == 200
    assign = reverse("admin:commerce_banktransfer_assign", args=[transfer.pk])
    assert "€500.00 arrived: ?" in client.get(assign).content.decode()
    assert client.post(assign, {"number": "INV-99999"}).status_code == 422
    assert client.post(assign, {"number": invoice.number}).status_code == 302
    assert client.post(assign, {"number": invoice.number}).status_code == 422
    invoice.refresh_from_db()
    assert invoice.due_minor == invoice.total_minor - 500_00


def test_finance_pays_a_transfer_back_in_the_admin_with_a_reason(signed_in, finance, acme, take_in, actor, now):
    transfer = take_in("500.00", "?")[0]
    transfers.to_balance(transfer=transfer, account=acme, actor=actor, now=now)
    client = signed_in(finance)
    url = reverse("admin:commerce_banktransfer_pay_back", args=[transfer.pk])
    assert "At most €500.00 is in credit." in client.get(url).content.decode()
    for wrong in ({"amount": "500.01", "reason": "x"}, {"amount": "1.001", "reason": "x"}, {"amount": "5"}):
        assert client.post(url, wrong).status_code == 422
    assert client.post(url, {"amount": "500.00", "reason": "Paid twice"}).status_code == 302
    assert client.post(url, {"amount": "500.00", "reason": "Paid twice"}).status_code == 422
    assert owed(acme) == 0


def test_finance_is_offered_what_can_be_done_with_a_transfer(signed_in, finance, acme, take_in, actor, now):
    transfer = take_in("500.00", "?")[0]
    client = signed_in(finance)
    decide, pay_back = (
        reverse(f"admin:commerce_banktransfer_{name}", args=[transfer.pk]) for name in ("to_balance", "pay_back")
    )

    def offered() -> tuple[bool, bool]:
        page = client.get(reverse("admin:commerce_banktransfer_change", args=[transfer.pk])).content.decode()
        return decide in page, pay_back in page

    assert offered() == (True, False)
    transfers.to_balance(transfer=transfer, account=acme, actor=actor, now=now)
    assert offered() == (False, True)
    transfers.pay_back(transfer=transfer, amount_minor=500_00, actor=actor, now=now)
    assert offered() == (False, False)


def test_nobody_but_finance_reads_statements(signed_in, agent, admin, invoice, client, take_in):
    transfer = take_in("500.00", "?")[0]
    urls = [
        reverse("admin:commerce_bankstatement_read"),
        reverse("admin:commerce_bankstatement_confirm"),
        reverse("admin:commerce_bankstatement_progress", args=[transfer.statement_id]),
        reverse("admin:commerce_banktransfer_recognise", args=[transfer.pk]),
        reverse("admin:commerce_banktransfer_assign", args=[transfer.pk]),
        reverse("admin:commerce_banktransfer_to_balance", args=[transfer.pk]),
        reverse("admin:commerce_banktransfer_send_back", args=[transfer.pk]),
        reverse("admin:commerce_banktransfer_pay_back", args=[transfer.pk]),
    ]
    for url in urls:
        assert signed_in(agent).post(url).status_code == 403
        assert client.post(url).status_code == 302
        assert signed_in(admin).post(url).status_code in (302, 403)
    transfer.refresh_from_db()
    assert transfer.state == TransferState.WAITING
