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
each_article = pytest.mark.parametrize(
    "article", ARTICLES, ids=lambda article: article.slug
)

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
    normalised = {
        " ".join(re.sub(r"[^\w\s]", " ", text).lower().split())
        for text in [*blocks, *lines]
    }
    return [text for text in normalised if len(text) > 40]


def write_article(
    tmp_path: Path, text: str, *, folder: str = "sign-in-and-access"
) -> Path:
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
        repeated = [
            value
            for value, n in Counter(
                getattr(article, field) for article in ARTICLES
            ).items()
            if n > 1
        ]
        assert repeated == [], field


def test_no_paragraph_list_item_or_table_row_occurs_in_two_articles():
    slugs = defaultdict(list)
    for article in ARTICLES:
        for text in paragraphs(article):
            slugs[text].append(article.slug)
    assert {text: where for text, where in slugs.items() if len(where) > 1} == {}


@each_article
def test_no_paragraph_occurs_twice_in_an_article(article):
    blocks = [
        " ".join(block.lower().split()) for block in re.split(r"\n\s*\n", article.body)
    ]
    assert [
        block for block, n in Counter(blocks).items() if n > 1 and len(block) > 40
    ] == []


@each_article
def test_an_article_is_long_enough_to_help(article):
    assert len(article.body.split()) >= 150


@each_article
def test_an_article_has_steps_or_an_example(article):
    has_steps = re.search(r"^1\. .+\n(?:.*\n)*?2\. ", article.body, re.MULTILINE)
    has_code = re.search(r"^```[^`]+^```", article.body, re.MULTILINE)
    has_table = re.search(r"^\|[ :|-]+\|$", article.body, re.MULTILINE)
    has_example = re.search(
        r"^## .*\bexample\b", article.body, re.MULTILINE | re.IGNORECASE
    )
    assert has_steps or has_code or has_table or has_example


@each_article
def test_numbered_steps_count_up_from_one(article):
    for block in re.split(r"\n(?=#)|\n\n(?=[A-Z`|*-])", article.body):
        numbers = [
            int(number) for number in re.findall(r"^(\d+)\. ", block, re.MULTILINE)
        ]
        assert numbers == list(range(1, len(numbers) + 1))


@each_article
def test_an_article_has_headings_below_the_title_and_closed_code_blocks(article):
    assert re.search(r"^## ", article.body, re.MULTILINE)
    assert not re.search(
        r"^# [^#]",
        re.sub(r"^```.*?^```", "", article.body, flags=re.MULTILINE | re.DOTALL),
        re.MULTILINE,
    )
    assert len(re.findall(r"^```", article.body, re.MULTILINE)) % 2 == 0


@each_article
def test_an_article_refers_only_to_known_products_tiers_and_roles(article):
    assert set(article.products) <= PRODUCTS
    assert set(article.tiers) <= TIERS
    assert set(article.roles) <= ROLES
    assert article.feature is None or article.feature in ADD_ONS


@each_article
def test_a_summary_is_one_sentence(article):
    assert article.summary.endswith(".")
    assert not re.search(r"[.!?]\s+[A-Z]", article.summary)


@each_article
def test_review_dates_lie_in_the_planned_window(article):
    assert date(2026, 6, 1) <= article.review_by < date(2027, 12, 1)


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
    assert [
        article.slug
        for article in ARTICLES
        if article.visibility == "internal" and article.feature
    ] == []


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
    text = VALID.replace(
        "visibility: segment\ntiers: premier, strategic", f"visibility: {visibility}"
    )
    with pytest.raises(ArticleFileInvalid, match="roles mean nothing"):
        parse_article(write_article(tmp_path, text))
