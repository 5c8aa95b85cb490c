"""docs/security.md has every item of the standard once, each with a state, and names tests that exist."""

import ast
import re

import pytest
from django.conf import settings

ROWS = re.findall(
    r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+) \|$", (settings.BASE_DIR / "docs" / "security.md").read_text(), re.MULTILINE
)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
# How many items of levels 1 and 2 each section of ASVS 4.0.3 has. They are numbered from 1 on, but for 4.1.4.
SECTIONS = {
    "2.1": 12, "2.2": 3, "2.3": 3, "2.4": 5, "2.5": 7, "2.6": 3, "2.7": 6, "2.8": 7, "2.9": 3, "2.10": 4,
    "3.1": 1, "3.2": 4, "3.3": 4, "3.4": 5, "3.5": 3, "3.7": 1,
    "4.1": 5, "4.2": 2, "4.3": 3,
    "8.1": 4, "8.2": 3, "8.3": 8,
}  # fmt: skip
WITHDRAWN = {"4.1.4"}


def functions_of(path):
    tree = ast.parse((settings.BASE_DIR / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("item", "state"), [(item, state) for item, _wording, state in ROWS])
def test_every_item_names_tests_that_exist_or_says_why_not(item, state):
    named = NAMED.findall(state)
    assert named or state.startswith(("not applicable, because ", "open: "))
    assert len(named) == state.count("`") / 2
    for path, name in named:
        assert name in functions_of(path), f"{path} has no {name}"


def test_every_item_of_the_standard_stands_there_once():
    expected = [f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)]
    assert [item for item, _wording, _state in ROWS] == [item for item in expected if item not in WITHDRAWN]
