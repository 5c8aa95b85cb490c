"""How an entry of the inventory is asked for."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from tests.world import client_of


@dataclass(frozen=True)
class Letter:
    """A request as it is about to be sent."""

    method: str
    url: str
    options: dict[str, Any]

    @classmethod
    def about(cls, entry, company, *, query=(), body=()):
        """The page's request about the rows of `company`; `query` and `body` go on top."""
        query = {**entry.query(company), **dict(query)}
        options = {"headers": dict(entry.headers)}
        if query:
            options["query_params"] = {name: str(value) for name, value in query.items()}
        if entry.method == "POST":
            data = {**entry.body(company), **dict(body)}
            is_json = entry.content_type == "application/json"
            options["data"] = json.dumps(data, default=str) if is_json else data
            if entry.content_type:
                options["content_type"] = entry.content_type
        return cls(entry.method, entry.url(company), options)

    def send(self, user, **client_options):
        client = client_of(user, **client_options)
        response = getattr(client, self.method.lower())(self.url, **self.options)
        # Outside a scope of its own, a view that refuses marks the transaction around it: here it is the test's.
        transaction.set_rollback(False)
        return response
