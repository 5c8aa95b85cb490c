"""From rows in memory to rows in PostgreSQL, by COPY."""

from collections.abc import Iterable, Sequence
from datetime import date
from io import StringIO
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.management import call_command, get_commands
from django.db import connection, models, transaction
from psycopg import sql

from accounts.law.erasing import carry_out_due, receipt_for
from accounts.merging import merge_people
from accounts.models import Account, Erasure, User
from accounts.permissions import StaffGroup
from commerce.models import QuoteDrawing
from commerce.quotes import quote_documents
from sandbox.demo.contract_work import close_books, work_on_contracts
from sandbox.demo.deal_desk import set_up_deal_desk
from sandbox.demo.generate import Demo, generate
from sandbox.demo.late_payers import make_late_payers
from sandbox.demo.offers import make_offers
from sandbox.demo.orders import place_orders
from sandbox.demo.product_files import add_product_files
from sandbox.demo.renewals import make_renewals
from sandbox.demo.self_administration import JOINED
from sandbox.demo.wishes import make_wishes
from sandbox.demo.world import World, columns_of

PASSWORD = "portal-demo"
NUMBERS = {
    "cases_case": "cases_case_number",
    "commerce_contract": "commerce_contract_number",
    "commerce_quote": "commerce_quote_number",
    "commerce_order": "commerce_order_number",
}
"""Counters of the database behind the numbers people read, by table."""


class DatabaseInUse(Exception):
    """There are accounts already: the demo company is loaded into an empty database only."""


def seed(*, seed: int, today: date) -> World:
    """Make the demo company and load it, in one transaction. Raises `DatabaseInUse`."""
    if Account.objects.exists():
        raise DatabaseInUse("The database has customers already: the demo company is for an empty one.")
    demo = generate(seed=seed, today=today)
    with transaction.atomic():
        load(demo.world)
        join_groups(demo)
    go_on(demo)
    if "crm_backfill" in get_commands():
        call_command("crm_backfill", stdout=StringIO())
    return demo.world


def load(world: World) -> None:
    """Write a world's rows. Loaded data is no news: nothing of it goes to the CRM's outbox by itself."""
    _hash_passwords(world)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('portal.origin', 'seed', true)")
        for model in world.models():
            fields = columns_of(model)
            copy_rows(
                model._meta.db_table,
                [field.column or field.name for field in fields],
                (
                    [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
                    for row in world.rows(model)
                ),
            )
        for model, (columns, values) in world.tables.items():
            copy_rows(model._meta.db_table, columns, values)
        for model in world.models():
            _continue_counting(model)


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into a table; values are in the order of the columns."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def join_groups(demo: Demo) -> None:
    """The staff's groups exist since the last migration."""
    groups = {group.name: group for group in Group.objects.all()}
    User.groups.through.objects.bulk_create(
        User.groups.through(user_id=person.pk, group_id=groups[name].pk)
        for name, people in demo.company.staff.items()
        for person in people
    )


def go_on(demo: Demo) -> None:
    """What the portal's own operations leave behind is theirs to say: one person erased, two entries joined."""
    now = demo.world.calendar.now
    for erasure in Erasure.objects.filter(state=Erasure.State.RUNNING).select_related("user"):
        erasure.receipt = receipt_for(erasure.user)
        erasure.save(update_fields=["receipt"])
    carry_out_due(now=now)
    by = demo.company.staff[StaffGroup.CUSTOMER_SUCCESS][0]
    merged, survivor = (User.objects.get(email=email) for email in JOINED)
    set_up_deal_desk(demo.company, demo.world.calendar.today)
    add_product_files()
    place_orders(demo.world)  # Before what is offered: an order changes the contract that offers are made for.
    make_offers(demo.world, demo.company)
    make_wishes(demo.world, demo.company)
    make_renewals(now)
    make_late_payers(demo.company, now)
    work_on_contracts(demo.world, demo.company)  # Last: nothing is bought while a change of a contract is planned.
    with transaction.atomic():
        merge_people(merged=merged, survivor=survivor, by=by, reason="He changed to the company's new domain.", now=now)
    close_books(demo.world, demo.company)
    _draw_documents()


def _draw_documents() -> None:
    """What workers draw elsewhere: nobody waits for them to look at the demo company."""
    for account_id, quote_id in QuoteDrawing.objects.values_list("account_id", "quote_id"):
        quote_documents.draw(account_id=account_id, quote_id=quote_id)


def _hash_passwords(world: World) -> None:
    """The demo people's public password: hashed once for all, as one hash takes a good part of a second."""
    demo_people = [user for user in world.rows(User) if user.is_demo]
    password = make_password(PASSWORD) if demo_people else ""
    for user in demo_people:
        user.password = password


def _continue_counting(model: type[models.Model]) -> None:
    """Counters go on after the rows that were loaded with numbers of their own."""
    table = model._meta.db_table
    counters = {}
    if isinstance(model._meta.pk, models.AutoField):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
            counters["id"] = cursor.fetchone()[0]
    if table in NUMBERS:
        counters["serial"] = NUMBERS[table]
    with connection.cursor() as cursor:
        for column, sequence in counters.items():
            cursor.execute(
                sql.SQL("SELECT setval(%s, greatest(max({}), nextval(%s) - 1)) FROM {}").format(
                    sql.Identifier(column), sql.Identifier(table)
                ),
                [sequence, sequence],
            )
