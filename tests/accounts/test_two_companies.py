"""Somebody of two companies, with a tab open for each: a form never lands in the other company."""

import re

import pytest

from accounts.models import Membership
from cases.models import Case
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def subsidiary(admin):
    account = make_account("Acme Freight Sp. z o.o.", billing_country="PL")
    Membership.objects.create(account=account, user=admin, roles=["administrator"])
    return account


def fields_of(page):
    """What a browser would send of the hidden fields of the page's case form."""
    form = re.search(r"<form[^>]*>(?:(?!</form>).)*name=\"subject\".*?</form>", page, re.DOTALL).group(0)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)"[^>]*? value="([^"]*)"', form))


def test_a_form_opened_for_one_company_is_refused_after_switching(admin, subsidiary, signed_in):
    client = signed_in(admin)
    first = str(admin.membership.account.public_id)
    client.post("/company/switch/", {"account": first})
    typed = fields_of(client.get("/cases/new/").content.decode()) | {
        "subject": "Export fails",
        "description": "Since today.",
        "priority": "normal",
    }
    assert typed["company"] == first
    client.post("/company/switch/", {"account": subsidiary.public_id})
    response = client.post("/cases/new/", typed)
    assert response.status_code == 409
    assert "another company" in response.content.decode()
    assert not Case.objects.exists()
    client.post("/company/switch/", {"account": first})
    assert client.post("/cases/new/", typed).status_code == 302
    assert Case.objects.get().account == admin.membership.account


def test_the_switcher_works_from_a_tab_of_the_other_company(admin, subsidiary, signed_in):
    client = signed_in(admin)
    stale = {"company": str(admin.membership.account.public_id), "account": subsidiary.public_id}
    client.post("/company/switch/", {"account": subsidiary.public_id})
    assert client.post("/company/switch/", stale).status_code == 302
