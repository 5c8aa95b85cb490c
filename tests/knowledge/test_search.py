"""Whether the right article is found, and never a wrong one."""

import pytest

from knowledge.models import Article
from knowledge.search import search, suggest
from tests.factories import make_article

SHELF = {
    "Reset a forgotten password": "Get back in when the password is lost.",
    "Download invoices as PDF": "Where invoices and credit notes are, and who may see them.",
    "Nightly export fails with a timeout": "Split a large export so that it ends in time.",
    "Verify a webhook signature": "Check that a delivery is ours.",
    "Add seats to your plan": "Buy more seats in the middle of a term.",
    "Install the mobile app": "On Android and on iPhone.",
}


@pytest.fixture
def shelf(db):
    return [
        make_article(title, summary=summary, body=f"{summary} Open **Settings** and do it.")
        for title, summary in SHELF.items()
    ]


@pytest.fixture
def readable(shelf, member):
    return Article.objects.visible_to(member.membership)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("password", "Reset a forgotten password"),
        ("resetting passwords", "Reset a forgotten password"),
        ("pasword", "Reset a forgotten password"),
        ("invioce", "Download invoices as PDF"),
        ("invoices", "Download invoices as PDF"),
        ("our nightly export ended with timeouts", "Nightly export fails with a timeout"),
        ("webhok signture", "Verify a webhook signature"),
        ("more seats", "Add seats to your plan"),
        ("andro", "Install the mobile app"),
        ("how do i install the app on my phone?", "Install the mobile app"),
    ],
)
def test_the_right_article_comes_first(readable, query, title):
    assert search(readable, query, limit=10)[0].article.title == title
    assert suggest(readable, query)[0].title == title


@pytest.mark.parametrize("query", ["", "the", "zzzqqq", "<>&|!():*", "' OR 1=1 --", "\x00", "%_\\", "a" * 5000])
def test_what_means_nothing_finds_nothing_and_breaks_nothing(readable, query):
    assert search(readable, query, limit=10) == []


def test_a_title_counts_more_than_the_text(readable):
    make_article("Something else", body="seats seats seats plan plan add add")
    assert search(readable, "add seats plan", limit=10)[0].article.title == "Add seats to your plan"


def test_found_words_are_marked_and_the_text_is_escaped(member):
    make_article("Export", body="**Export** | if 1 < 2 & 3 | <script>alert(1)</script>\n\n---\n\nrows.")
    [hit] = search(Article.objects.visible_to(member.membership), "export", limit=5)
    assert "<mark>Export</mark>" in hit.snippet
    assert "1 &lt; 2 &amp; 3" in hit.snippet
    assert "<script" not in hit.snippet
    assert "**" not in hit.snippet
    assert "|" not in hit.snippet


def test_three_articles_are_suggested_where_there_are_three(readable):
    assert len(suggest(readable, "zzzqqq")) == 3
    assert len(suggest(readable, "password")) >= 3
    assert len(suggest(readable.filter(title__startswith="Re"), "zzzqqq")) == 1


def test_suggestions_are_filled_up_from_the_topic_first(member):
    make_article("Loved by all", helpful_votes=9)
    make_article("On topic", topic="mobile")
    readable = Article.objects.visible_to(member.membership)
    assert [article.title for article in suggest(readable, "zzz", topic="mobile")] == ["On topic", "Loved by all"]


def test_nothing_is_suggested_or_found_that_one_may_not_read(client, signed_in, member, shelf):
    Article.objects.filter(title__contains="password").update(visibility="internal")
    Article.objects.filter(title__contains="invoices").update(visibility="segment", tiers=["essential"])
    Article.objects.filter(title__contains="seats").update(state="draft")
    browser = signed_in(member)
    for subject in ("password", "pasword", "invoices", "seats", "zzzqqq", "forgotten invoices seats"):
        for address in ("/help/suggestions/?subject=", "/help/search/?q="):
            page = browser.get(address + subject).content.decode()
            assert "forgotten password" not in page
            assert "Download invoices" not in page
            assert "Add seats" not in page


def test_the_suggestions_are_a_fragment_with_ways_to_say_solved(signed_in, member, shelf):
    response = signed_in(member).get("/help/suggestions/?subject=I+forgot+my+password&topic=access")
    page = response.content.decode()
    assert "<html" not in page
    assert page.count("<details>") >= 3
    assert 'formaction="/help/reset-a-forgotten-password/solved/"' in page
    assert signed_in(member).get("/help/suggestions/?subject=%00").content.decode().strip() == ""
    assert signed_in(member).get("/help/suggestions/").content.decode().strip() == ""


def test_the_search_page_shows_the_query_as_text(signed_in, member, shelf):
    browser = signed_in(member)
    page = browser.get("/help/search/?q=%3Cscript%3Ealert(1)%3C/script%3E").content.decode()
    assert "<script>alert" not in page
    assert "Nothing found for “&lt;script&gt;alert(1)&lt;/script&gt;”" in page
    page = browser.get("/help/search/?q=password").content.decode()
    assert "One answer to “password”" in page
    assert "<mark>" in page
    assert page.count("data-primary-action") == 1
