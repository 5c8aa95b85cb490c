"""The one way into the database for a customer's request: a role that sees only its accounts.

`spec`: the policy on each tenant table compares `account_id` with the setting `portal.accounts`, and the role
`portal_customer` has only the grants listed in `accounts/tenancy.py`. A forgotten filter shows nothing.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

from django.db import connection, transaction

from tracking.actor import Actor

CUSTOMER_ROLE = "portal_customer"

# All settings travel in one statement, each local to the transaction: nothing survives the return to the pool.
_SET = """
SELECT set_config('role', %s, true), set_config('portal.accounts', %s, true), set_config('portal.user', %s, true),
       set_config('pghistory.context_id', %s, true), set_config('pghistory.context_metadata', %s, true)
"""


@dataclass(frozen=True)
class Scope:
    """Whose rows a transaction may see, and who acts in it."""

    role: str
    account_ids: tuple[int, ...] = ()
    user_id: int | None = None
    actor: Actor | None = None

    def enter(self) -> None:
        accounts = "{" + ",".join(str(int(pk)) for pk in self.account_ids) + "}" if self.account_ids else ""
        metadata = json.dumps(self.actor.as_metadata()) if self.actor else ""
        with connection.cursor() as cursor:
            cursor.execute(
                _SET,
                [self.role, accounts, str(self.user_id or ""), str(uuid4()) if self.actor else "", metadata],
            )


OWNER = Scope(role="none")
_current: ContextVar[Scope] = ContextVar("account_scope", default=OWNER)


@contextmanager
def _transaction(scope: Scope, *, durable: bool) -> Iterator[None]:
    outer = _current.get()
    token = _current.set(scope)
    try:
        nested = connection.in_atomic_block
        with transaction.atomic(durable=durable):
            scope.enter()
            yield
            # Inside another transaction the settings would outlive this block; a rollback takes them back by itself.
            if nested and not connection.needs_rollback:
                outer.enter()
    finally:
        _current.reset(token)


@contextmanager
def account_scope(
    account_ids: Iterable[int],
    *,
    user_id: int | None = None,
    actor: Actor | None = None,
    durable: bool = False,
) -> Iterator[None]:
    """Run the block in a transaction as `portal_customer`, seeing only the rows of `account_ids`.

    `user_id` also shows that person's own memberships. `actor` is written into every audit entry. With `durable` the
    block must be the outermost transaction: it commits when it ends.
    """
    with _transaction(Scope(CUSTOMER_ROLE, tuple(account_ids), user_id, actor), durable=durable):
        yield


@contextmanager
def staff_scope(actor: Actor, *, durable: bool = False) -> Iterator[None]:
    """Run the block in a transaction as the owner, with `actor` written into every audit entry."""
    with _transaction(Scope("none", actor=actor), durable=durable):
        yield


@contextmanager
def system_scope(account_id: int | None = None, *, durable: bool = False) -> Iterator[None]:
    """Run the block in a transaction as the owner, for a job or an answer from outside, on behalf of an account."""
    with _transaction(Scope("none", actor=Actor.system(account_id)), durable=durable):
        yield
