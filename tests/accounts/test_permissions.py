"""The table of permissions is what pages, groups and the admin do."""

import pytest
from django.contrib.auth.models import Group

from accounts.permissions import CUSTOMER_TABLE, STAFF_TABLE, Permission, Role, StaffGroup, allowed

MEMBER = [Role.SUPPORT, Role.VIEWER]


def test_every_permission_stands_in_the_table():
    assert CUSTOMER_TABLE.keys() == set(Permission)


@pytest.mark.parametrize(
    ("roles", "permission", "answer"),
    [
        ([Role.ADMINISTRATOR], Permission.BUY, True),
        ([Role.BUYER], Permission.BUY, True),
        (MEMBER, Permission.BUY, False),
        ([Role.BUYER], Permission.PAY_INVOICES, True),
        ([Role.BILLING], Permission.PAY_INVOICES, True),  # Who stores the cards may also charge them.
        ([Role.APPROVER], Permission.PAY_INVOICES, False),
        (MEMBER, Permission.OPEN_CASES, True),
        ([Role.VIEWER], Permission.OPEN_CASES, False),
        ([Role.VIEWER], Permission.VIEW_CASES, True),
        ([Role.BILLING], Permission.VIEW_CASES, False),  # A billing contact sees no case text,
        ([Role.SUPPORT], Permission.VIEW_PRICES, False),  # and a support contact no prices.
        (MEMBER, Permission.VIEW_PRICES, False),
        ([], Permission.VIEW_HOME, False),
    ],
)
def test_roles_grant_what_the_table_says(roles, permission, answer):
    assert allowed(roles, permission) is answer


@pytest.mark.django_db
@pytest.mark.parametrize("group", StaffGroup)
def test_a_staff_group_has_exactly_its_permissions(group):
    held = Group.objects.get(name=group).permissions.select_related("content_type")
    assert {f"{one.content_type.app_label}.{one.codename}" for one in held} == {
        name for name, groups in STAFF_TABLE.items() if group in groups
    }


def test_nothing_that_is_history_or_money_can_be_deleted():
    assert {name for name in STAFF_TABLE if ".delete_" in name} == {
        "accounts.delete_announcement",
        "accounts.delete_announcementtext",
        "accounts.delete_menurule",
        "commerce.delete_approvalrule",
        "commerce.delete_approvalstep",
        "commerce.delete_bundleoption",
        "commerce.delete_configurationruletext",
        "commerce.delete_delegation",
        "commerce.delete_featuregroup",
        "commerce.delete_productfile",
        "commerce.delete_productstep",
        "commerce.delete_selfservicelimit",
    }


@pytest.mark.parametrize("permission", Permission)
def test_has_perm_asks_the_same_table(permission, admin, member, viewer, other_admin, django_assert_num_queries):
    with django_assert_num_queries(0):
        for user in (admin, member, viewer):
            expected = not CUSTOMER_TABLE[permission].isdisjoint(user.membership.roles)
            assert user.has_perm(f"customer.{permission.value}", user.membership) == expected
        assert not other_admin.has_perm(f"customer.{permission.value}", admin.membership)
    assert not admin.has_perm(f"customer.{permission.value}")
