"""Staff sign in to the admin where everybody does: the same limits, the same second factor."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


def test_the_admin_sends_a_visitor_to_the_portals_sign_in_and_back(client, agent):
    response = client.get("/admin/cases/case/", follow=True)
    assert response.redirect_chain[-1][0] == "/accounts/login/?next=/admin/cases/case/"
    signed_in = client.post(
        "/accounts/login/?next=/admin/cases/case/", {"login": agent.email, "password": "correct-horse-battery"}
    )
    assert signed_in["Location"] == "/admin/cases/case/"


def test_no_password_is_checked_at_the_admins_own_address(client, agent):
    response = client.post(reverse("admin:login"), {"username": agent.email, "password": "correct-horse-battery"})
    assert response["Location"] == "/accounts/login/?next=/admin/"
    assert "_auth_user_id" not in client.session


def test_staff_who_are_signed_in_are_led_on(agent, signed_in):
    assert signed_in(agent).get(reverse("admin:login"))["Location"] == "/admin/"


def test_a_customer_is_refused(admin, signed_in):
    client = signed_in(admin)
    assert client.get("/admin/", follow=True).status_code == 403
    assert client.get("/admin/cases/case/", follow=True).status_code == 403
