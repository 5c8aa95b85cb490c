from django.db import connection

from accounts.models import Account
from accounts.scope import account_scope


def test_a_customer_sees_only_their_company(acme, globex):
    with account_scope([acme.pk]):
        assert list(Account.objects.all()) == [acme]
    assert Account.objects.count() == 2


def test_a_scope_runs_as_the_customer_role_and_restores(acme):
    def role():
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user")
            return cursor.fetchone()[0]

    with account_scope([acme.pk]):
        assert role() == "portal_customer"
    assert role() == "portal"
