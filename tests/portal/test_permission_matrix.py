"""Each cell of the table of permissions, asked for over HTTP: a page, a form and an operation of the API."""

import re

import pytest

from accounts.matrix import customer_rows, staff_rows
from accounts.permissions import CUSTOMER_TABLE, STAFF_TABLE, Permission, Role, StaffGroup
from tests.pages import INVENTORY, Audience
from tests.pages.letters import Letter
from tests.world import client_of, undone

pytestmark = pytest.mark.usefixtures("in_the_world")


def examples(permission):
    """The first page, form, and reading and writing operation of the API that ask for the permission."""
    kinds = {}
    for entry in INVENTORY:
        if entry.permission == permission and entry.audience in (Audience.CUSTOMERS, Audience.API):
            kinds.setdefault((entry.audience, entry.method), entry)
    return list(kinds.values())


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_guards_an_address(permission):
    assert examples(permission), f"no entry of tests/pages/ asks for {permission}"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_cell_of_the_table_is_what_the_portal_does(world, ready, permission, role):
    may = role in CUSTOMER_TABLE[permission]
    for entry in examples(permission):
        with undone():
            ready(entry)
            with undone():
                status = Letter.about(entry, world.acme).send(world.acme.people[role]).status_code
        assert (status not in {401, 403, 404}) is may, f"{entry.id} answers {status} to the role {role}"


def cells_of(html):
    """The page's table: for each row its label and its answers."""
    body = re.search(r"<tbody>(.*?)</tbody>", html, re.DOTALL).group(1)
    return {
        re.sub(r"\s+", " ", re.search(r'<th scope="row">(.*?)</th>', row, re.DOTALL).group(1)).strip(): [
            answer == "Yes" for answer in re.findall(r'<span class="(?:sr-only|staff-hidden)">(Yes|No)</span>', row)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    }


def test_customers_read_the_table_that_decides(world):
    shown = cells_of(client_of(world.acme.people[Role.VIEWER]).get("/company/permissions/").content.decode())
    assert len(shown) == len(Permission)
    for row, permission in zip(customer_rows(), Permission, strict=True):
        html_label = row.label.replace("'", "&#x27;")
        assert shown[html_label] == [role in CUSTOMER_TABLE[permission] for role in Role]


def test_staff_read_both_tables(world):
    for user in world.staff.values():
        page = client_of(user).get("/admin/permissions/")
        assert page.status_code == 200
    html = page.content.decode()
    customers, staff = re.findall(r"<table.*?</table>", html, re.DOTALL)
    assert len(cells_of(customers)) == len(Permission)
    shown = list(cells_of(staff).values())
    assert shown == [[group in groups for group in StaffGroup] for groups in STAFF_TABLE.values()]


def test_every_permission_of_the_staff_has_a_name_people_understand():
    labels = [row.label for row in staff_rows()]
    assert len(set(labels)) == len(labels)
    assert [label for label in labels if "_" in label] == []


@pytest.mark.parametrize("who", ["customer", "visitor"])
def test_only_staff_open_the_staffs_table(world, who):
    response = client_of(world.acme.administrator if who == "customer" else None).get("/admin/permissions/")
    assert response.status_code == 302
    assert "/login/" in response["Location"]
