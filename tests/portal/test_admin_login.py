"""The page on which staff sign in to the admin."""

import pytest
from django.urls import reverse

from accounts.permissions import StaffGroup
from tests.factories import PASSWORD, make_account, make_member, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return make_staff("agent@vendor.example", "Sam Rivera", group=StaffGroup.SUPPORT_AGENT)


@pytest.fixture
def customer():
    return make_member(make_account("Acme"), "ada@acme.example", "Ada", roles=["administrator"])


def sign_in_to_admin(client, user, password=PASSWORD):
    index = reverse("admin:index")
    return client.post(f"{reverse('admin:login')}?next={index}", {"username": user.email, "password": password})


def test_staff_sign_in_to_the_admin(client, agent):
    response = sign_in_to_admin(client, agent)
    assert (response.status_code, response["Location"]) == (302, reverse("admin:index"))
    assert client.session["_auth_user_id"] == str(agent.pk)


def test_a_wrong_password_is_explained_and_lets_nobody_in(client, agent):
    response = sign_in_to_admin(client, agent, password="wrong")
    assert response.status_code == 200
    assert "for a staff account" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_customer_is_not_signed_in_here(client, customer):
    response = sign_in_to_admin(client, customer)
    assert "for a staff account" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_a_customer_who_comes_signed_in_is_told_why_they_see_the_page(client, customer):
    client.force_login(customer, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:index"), follow=True).content.decode()
    assert "You are signed in as ada@acme.example" in page


def test_the_page_keeps_the_strict_policy(client):
    response = client.get(reverse("admin:login"))
    assert response.status_code == 200
    assert "unsafe" not in response["Content-Security-Policy"]
