"""Numbers that people read (CS-10482, Q-1042), counted by the database."""

from typing import Any

from django.db.models import BigIntegerField, Func


class NextVal(Func):
    """`db_default` of a counted number. The sequence is made in the app's first migration."""

    function = "nextval"
    template = "nextval('%(sequence)s')"
    output_field = BigIntegerField()

    def __init__(self, sequence: str, **extra: Any) -> None:
        super().__init__(sequence=sequence, **extra)
