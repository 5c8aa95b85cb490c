import re
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest

from sandbox.demo.article_files import (
    ADD_ONS,
    ARTICLES_DIR,
    CATEGORIES,
    PRODUCTS,
    ROLES,
    TIERS,
    ArticleFile,
    ArticleFileInvalid,
    load_articles,
    parse_article,
)

ARTICLES = load_articles()
each_article = pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.slug)

VALID = """---
title: Reset a password
summary: How to get back in.
category: Sign-in and access
visibility: segment
tiers: premier, strategic
roles: administrator
products: sso
feature: sso
review_by: 2027-03-31
topic: access
---
Choose the link.

1. Open it.
"""


def paragraphs(article: ArticleFile) -> list[str]:
    """Blocks between blank lines, and each list item or table row on its own, in lower case with single spaces."""
    blocks = re.split(r"\n\s*\n", article.body)
    lines = [line for block in blocks for line in block.splitlines()]
    normalised = {" ".join(re.sub(r"[^\w\s]", " ", text).lower().split()) for text in [*blocks, *lines]}
    return [text for text in normalised if len(text) > 40]


def has_steps_or_example(body: str) -> bool:
    steps = re.search(r"^1\. .+\n(?:.*\n)*?2\. ", body, re.MULTILINE)
    code = re.search(r"^ *```[^`]+```$", body, re.MULTILINE)
    table = re.search(r"^\|[ :|-]+\|$", body, re.MULTILINE)
    heading = re.search(r"^## .*\bexample\b", body, re.MULTILINE | re.IGNORECASE)
    return any((steps, code, table, heading))


def write_article(tmp_path: Path, text: str, *, folder: str = "sign-in-and-access") -> Path:
    path = tmp_path / folder / "reset-a-password.md"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_at_least_sixty_articles():
    assert len(ARTICLES) >= 60


def test_every_markdown_file_in_a_folder_is_loaded():
    assert len(ARTICLES) == len(list(ARTICLES_DIR.glob("*/**/*.md")))


def test_articles_come_in_the_order_of_the_menu_and_then_by_slug():
    menu = list(CATEGORIES)
    keys = [(menu.index(article.category_slug), article.slug) for article in ARTICLES]
    assert keys == sorted(keys)


def test_every_category_has_articles():
    per_category = Counter(article.category_slug for article in ARTICLES)
    assert set(per_category) == set(CATEGORIES)
    assert min(per_category.values()) >= 4


def test_no_two_articles_share_a_slug_a_title_or_a_summary():
    for field in ("slug", "title", "summary"):
        repeated = [value for value, n in Counter(getattr(article, field) for article in ARTICLES).items() if n > 1]
        assert repeated == [], field


def test_no_paragraph_list_item_or_table_row_occurs_in_two_articles():
    slugs = defaultdict(list)
    for article in ARTICLES:
        for text in paragraphs(article):
            slugs[text].append(article.slug)
    assert {text: where for text, where in slugs.items() if len(where) > 1} == {}


def test_no_paragraph_occurs_twice_in_an_article():
    repeated = defaultdict(list)
    for article in ARTICLES:
        blocks = Counter(" ".join(block.lower().split()) for block in re.split(r"\n\s*\n", article.body))
        repeated[article.slug] += [block for block, n in blocks.items() if n > 1 and len(block) > 40]
    assert {slug: blocks for slug, blocks in repeated.items() if blocks} == {}


def test_each_article_is_long_enough_to_help():
    assert {article.slug: n for article in ARTICLES if (n := len(article.body.split())) < 150} == {}


def test_each_article_has_steps_or_an_example():
    assert [article.slug for article in ARTICLES if not has_steps_or_example(article.body)] == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("1. Open it.\n2. Close it.", True),
        ("1. Open it.", False),
        ("```json\n{}\n```", True),
        ("| A | B |\n|---|---|\n| 1 | 2 |", True),
        ("## Worked example\n\nTen seats.", True),
        ("## Background\n\nFor example, ten seats.", False),
    ],
)
def test_steps_and_examples_are_recognised(body, expected):
    assert has_steps_or_example(body) is expected


def test_numbered_steps_count_up_from_one():
    for article in ARTICLES:
        for section in re.split(r"^## ", article.body, flags=re.MULTILINE):
            numbers = [int(number) for number in re.findall(r"^(\d+)\. ", section, re.MULTILINE)]
            assert numbers == list(range(1, len(numbers) + 1)), article.slug


def test_articles_have_headings_below_the_title_and_closed_code_blocks():
    for article in ARTICLES:
        prose = re.sub(r"^ *```.*?^ *```$", "", article.body, flags=re.MULTILINE | re.DOTALL)
        assert "```" not in prose, article.slug
        assert re.search(r"^## ", prose, re.MULTILINE), article.slug
        assert not re.search(r"^# ", prose, re.MULTILINE), article.slug


def test_articles_refer_only_to_known_products_tiers_and_roles():
    for article in ARTICLES:
        assert set(article.products) <= PRODUCTS, article.slug
        assert set(article.tiers) <= TIERS, article.slug
        assert set(article.roles) <= ROLES, article.slug
        assert article.feature is None or article.feature in ADD_ONS, article.slug


def test_each_summary_is_one_sentence():
    for article in ARTICLES:
        assert article.summary.endswith("."), article.slug
        assert not re.search(r"[.!?]\s+[A-Z]", article.summary), article.slug


def test_review_dates_lie_in_the_planned_window():
    for article in ARTICLES:
        assert date(2026, 6, 1) <= article.review_by < date(2027, 12, 1), article.slug


def test_about_a_tenth_of_the_articles_is_due_for_review():
    overdue = [article for article in ARTICLES if article.review_by < date(2026, 11, 1)]
    assert 0.05 <= len(overdue) / len(ARTICLES) <= 0.15


def test_each_audience_has_articles():
    per_visibility = Counter(article.visibility for article in ARTICLES)
    assert per_visibility["internal"] >= 6
    assert per_visibility["segment"] >= 8
    assert per_visibility["public"] >= 8
    assert per_visibility["customer"] >= 30


def test_every_add_on_is_led_to_by_an_article():
    assert {article.feature for article in ARTICLES if article.feature} == ADD_ONS


def test_an_internal_article_leads_to_no_add_on():
    assert [article.slug for article in ARTICLES if article.visibility == "internal" and article.feature] == []


def test_a_file_becomes_an_article(tmp_path):
    assert parse_article(write_article(tmp_path, VALID)) == ArticleFile(
        slug="reset-a-password",
        category_slug="sign-in-and-access",
        category="Sign-in and access",
        title="Reset a password",
        summary="How to get back in.",
        visibility="segment",
        tiers=("premier", "strategic"),
        roles=("administrator",),
        products=("sso",),
        feature="sso",
        review_by=date(2027, 3, 31),
        topic="access",
        body="Choose the link.\n\n1. Open it.",
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("---\ntitle", "title", "front matter must open"),
        ("topic: access\n---\n", "topic: access\n", "front matter must open"),
        ("title: Reset a password\n", "", r"missing keys \['title'\]"),
        ("feature: sso", "upsell: sso", r"unknown keys \['upsell'\]"),
        ("topic: access", "topic: weather", "topic 'weather' is not one of"),
        ("tiers: premier", "tiers: platinum", "tiers 'platinum' is not one of"),
        ("roles: administrator", "roles: owner", "roles 'owner' is not one of"),
        ("products: sso", "products: sso, jetpack", "products 'jetpack' is not one of"),
        ("feature: sso", "feature: team", "feature 'team' is not one of"),
        (
            "visibility: segment",
            "visibility: customer",
            "tiers belong to visibility segment",
        ),
        ("tiers: premier, strategic\n", "", "segment needs tiers"),
        ("2027-03-31", "spring", "review_by 'spring' is not a date"),
        (
            "category: Sign-in and access",
            "category: Mobile app",
            "does not belong in folder",
        ),
        ("topic: access", "topic:", "is not `key: value`"),
        ("topic: access", "topic: access\ntopic: data", "'topic' occurs twice"),
    ],
)
def test_a_mistake_in_the_front_matter_is_named(tmp_path, old, new, problem):
    path = write_article(tmp_path, VALID.replace(old, new, 1))
    with pytest.raises(ArticleFileInvalid, match=problem):
        parse_article(path)


@pytest.mark.parametrize("visibility", ["public", "internal"])
def test_roles_are_refused_where_nobody_has_one(tmp_path, visibility):
    text = VALID.replace("visibility: segment\ntiers: premier, strategic", f"visibility: {visibility}")
    with pytest.raises(ArticleFileInvalid, match="roles mean nothing"):
        parse_article(write_article(tmp_path, text))
