"""docs/security.md names tests that exist, and every item has a state."""

import ast
import re

import pytest
from django.conf import settings

ROWS = re.findall(
    r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+) \|$", (settings.BASE_DIR / "docs" / "security.md").read_text(), re.MULTILINE
)


@pytest.mark.parametrize(("item", "state"), [(item, state) for item, _wording, state in ROWS])
def test_every_item_names_a_test_that_exists_or_says_why_not(item, state):
    if state.startswith(("not applicable, because ", "open")):
        return
    path, _, name = re.fullmatch(r"`(tests/[\w/]+\.py)(::(?P<name>\w+))?`", state).groups()
    tree = ast.parse((settings.BASE_DIR / path).read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name in functions if name else any(one.startswith("test_") for one in functions)


def test_no_item_stands_twice():
    items = [item for item, _wording, _state in ROWS]
    assert len(items) == len(set(items))
    assert {item.partition(".")[0] for item in items} == {"2", "3", "4", "8"}


@pytest.mark.django_db
def test_cookies_are_out_of_scripts_reach(client, admin):
    client.post("/accounts/login/", {"login": admin.email, "password": "correct-horse-battery"})
    for name in (settings.SESSION_COOKIE_NAME, "known_device"):
        assert client.cookies[name]["httponly"]
        assert client.cookies[name]["samesite"] == "Lax"
