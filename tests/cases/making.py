"""Cases for tests."""

import uuid
from datetime import timedelta

from cases.models import Case
from cases.services import open_case
from tests.conftest import NOW

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def make_case(
    account, user, *, subject="Nightly export fails", description="It ends with a timeout.", now=NOW, **fields
):
    return open_case(
        account=account,
        opened_by=user,
        actor=user.membership.actor(),
        subject=subject,
        description=description,
        form_key=uuid.uuid4(),
        now=now,
        **fields,
    )


def make_cases(account, user, count):
    """Cases without messages, changed a minute after each other: "Case 1", "Case 2", …"""
    made = Case.objects.filter(account=account).count()
    return Case.objects.bulk_create(
        Case(account=account, opened_by=user, subject=f"Case {n}", updated_at=NOW + timedelta(minutes=n))
        for n in range(made + 1, made + count + 1)
    )
