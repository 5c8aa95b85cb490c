"""The help centre as a customer's browser sees it."""

import uuid
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import OutgoingMail
from accounts.tenancy import CUSTOMER_ROLE
from cases.models import Case
from knowledge.models import Article, ArticleState, ArticleVote, Category, Deflection, Visibility
from tests.factories import make_article
from tracking.models import Event, EventName

BODY = """
## First

Use *this*, <b>not that</b>:

| A | B |
|---|--:|
| 1 | 2 |

```python
print("<x>")
```

### Details

[docs](https://example.com) and [bad](javascript:alert(1))
"""


@pytest.fixture
def everybody(acme, globex, member, other_admin):
    """One reader of each kind, and what is visible to whom below."""
    return {
        "anonymous": None,
        "support of a premier company": member.membership,
        "administrator of a growth company": other_admin.membership,
    }


MATRIX = [
    # visibility, tiers, roles, state -> readers by name
    ("public", [], [], "published", {"anonymous", "support of a premier company", "administrator of a growth company"}),
    ("public", ["growth"], ["administrator"], "published",
     {"anonymous", "support of a premier company", "administrator of a growth company"}),
    ("customer", [], [], "published", {"support of a premier company", "administrator of a growth company"}),
    ("customer", [], ["administrator"], "published", {"administrator of a growth company"}),
    ("segment", ["premier"], [], "published", {"support of a premier company"}),
    ("segment", ["growth", "premier"], [], "published",
     {"support of a premier company", "administrator of a growth company"}),
    ("segment", ["premier"], ["administrator"], "published", set()),
    ("segment", [], ["support", "billing"], "published", {"support of a premier company"}),
    ("segment", [], [], "published", set()),
    ("internal", [], [], "published", set()),
    ("public", [], [], "draft", set()),
    ("customer", [], [], "archived", set()),
]  # fmt: skip


@pytest.mark.parametrize(("visibility", "tiers", "roles", "state", "readers"), MATRIX)
def test_who_may_read(everybody, client, signed_in, visibility, tiers, roles, state, readers):
    article = make_article("Export", visibility=visibility, tiers=tiers, roles=roles, state=state)
    make_article("Other")
    for name, membership in everybody.items():
        may = name in readers
        assert Article.objects.visible_to(membership).filter(pk=article.pk).exists() is may, name
        reader = signed_in(membership.user) if membership else client
        response = reader.get("/help/export/")
        if may:
            assert response.status_code == 200
        elif membership is None and state == "published" and visibility in ("customer", "segment"):
            assert response.url == "/accounts/login/?next=/help/export/"
        else:
            assert response.status_code == 404
        if membership:
            for address in ("/help/", "/help/c/access/", "/help/search/?q=export", "/help/suggestions/?subject=export"):
                assert ('href="/help/export/"' in reader.get(address).content.decode()) is may, (name, address)


def test_an_article_shows_its_text_as_safe_html_below_the_title(signed_in, member):
    make_article("Export", body=BODY)
    page = signed_in(member).get("/help/export/").content.decode()
    assert page.count("<h1") == 1
    assert "<h2>First</h2>" in page
    assert "<h3>Details</h3>" in page
    assert "&lt;b&gt;not that&lt;/b&gt;" in page
    assert '<th scope="col">A</th>' in page
    assert 'role="region" aria-label="Table"' in page
    assert '<pre tabindex="0"><code>print("&lt;x&gt;")' in page
    assert '<a href="https://example.com" rel="noopener noreferrer">docs</a>' in page
    assert 'href="javascript' not in page
    assert "style=" not in page
    assert page.count("data-primary-action") == 1


def test_a_first_level_heading_in_an_article_becomes_a_second(signed_in, member):
    make_article("Export", body="# Export\n\n## Steps\n\n##### Deep")
    page = signed_in(member).get("/help/export/").content.decode()
    assert "<h2>Export</h2>" in page
    assert "<h3>Steps</h3>" in page
    assert "<h6>Deep</h6>" in page


def test_htmx_gets_the_text_alone(signed_in, member):
    make_article("Export", body="## Steps")
    response = signed_in(member).get("/help/export/", headers={"HX-Request": "true"})
    assert response.content.decode().strip() == '<div class="prose"><h2>Steps</h2>\n</div>'
    assert "HX-Request" in response.headers["Vary"]


def test_a_public_article_invites_strangers_to_sign_in(db, client):
    make_article("Export", visibility="public")
    make_article("Hidden neighbour", visibility="customer")
    page = client.get("/help/export/").content.decode()
    assert "/accounts/login/?next=/help/export/" in page
    assert "Hidden neighbour" not in page
    assert "Was this helpful?" not in page
    assert page.count("data-primary-action") == 1


def test_staff_read_what_is_published_for_the_staff(signed_in, agent):
    make_article("Escalate", visibility="internal")
    make_article("Half written", visibility="public", state="draft")
    assert signed_in(agent).get("/help/escalate/").status_code == 200
    assert signed_in(agent).get("/help/half-written/").status_code == 404


def test_related_articles_are_of_the_same_kind_and_permitted(signed_in, member):
    other = Category.objects.create(slug="other", name="Other")
    make_article("Export")
    make_article("Near")
    make_article("Same topic", category=other)
    make_article("Far away", category=other, topic="billing")
    make_article("Secret", visibility="internal")
    response = signed_in(member).get("/help/export/")
    assert {article.title for article in response.context["related"]} == {"Near", "Same topic"}


def test_shelves_without_anything_to_read_are_not_shown(signed_in, member):
    empty = Category.objects.create(slug="secret", name="Secret shelf")
    make_article("Internal", category=empty, visibility="internal")
    make_article("Export")
    client = signed_in(member)
    page = client.get("/help/").content.decode()
    assert "Secret shelf" not in page
    assert page.count("data-primary-action") == 1
    assert client.get("/help/c/secret/").status_code == 404
    assert client.get("/help/c/nothing/").status_code == 404


def test_a_long_shelf_is_read_page_by_page(signed_in, member):
    for number in range(60):
        make_article(f"Guide {number:02}")
    client, titles, url, count = signed_in(member), [], "/help/c/access/", 0
    while url:
        response = client.get(url)
        count += 1
        page = response.context["page"]
        titles += [article.title for article in page.rows]
        url = f"/help/c/access/?{urlencode({'cursor': page.next})}" if page.next else ""
    assert titles == [f"Guide {number:02}" for number in range(60)]
    assert count == 3
    back = client.get("/help/c/access/", {"cursor": page.previous}).context["page"]
    assert [article.title for article in back.rows] == [f"Guide {number:02}" for number in range(25, 50)]
    first = client.get("/help/c/access/", {"cursor": back.previous}).context["page"]
    assert [article.title for article in first.rows] == [f"Guide {number:02}" for number in range(25)]
    assert (first.previous, bool(first.next)) == ("", True)


# Votes


def test_a_vote_counts_once_and_can_be_changed(signed_in, member, admin):
    article = make_article("Export")
    client = signed_in(member)
    for choice, expected in (("yes", (1, 0)), ("yes", (1, 0)), ("no", (0, 1)), ("yes", (1, 0))):
        assert client.post("/help/export/vote/", {"is_helpful": choice}).url == "/help/export/"
        article.refresh_from_db()
        assert (article.helpful_votes, article.unhelpful_votes) == expected
    assert ArticleVote.objects.count() == 1
    response = signed_in(admin).post("/help/export/vote/", {"is_helpful": "yes"}, headers={"HX-Request": "true"})
    assert "2 people found this helpful" in response.content.decode()
    assert "<html" not in response.content.decode()


def test_the_most_helpful_come_first(signed_in, member):
    make_article("Plain")
    make_article("Loved", helpful_votes=3)
    response = signed_in(member).get("/help/")
    assert [article.title for article in response.context["popular"]] == ["Loved", "Plain"]


def test_a_vote_is_not_cast_without_a_choice_nor_on_what_one_may_not_read(signed_in, member):
    make_article("Export")
    make_article("Secret", visibility="internal")
    client = signed_in(member)
    assert client.post("/help/export/vote/", {"is_helpful": "maybe"}).status_code == 400
    assert client.post("/help/secret/vote/", {"is_helpful": "yes"}).status_code == 404
    assert not ArticleVote.objects.exists()


def test_votes_leave_no_audit_entries_on_the_article(signed_in, member):
    article = make_article("Export")
    before = article.events.count()
    signed_in(member).post("/help/export/vote/", {"is_helpful": "yes"})
    assert article.events.count() == before


# Solved without a case


def test_an_article_that_solved_it_is_recorded_and_no_case_is_opened(signed_in, member, acme):
    article = make_article("Export")
    key = str(uuid.uuid4())
    client = signed_in(member)
    sent = {"form_key": key, "subject": " Export  fails ", "description": "ignored"}
    for _ in range(2):
        assert client.post("/help/export/solved/", sent).url == "/help/export/thanks/"
    deflection = Deflection.objects.get()
    assert (deflection.account, deflection.user, deflection.article) == (acme, member, article)
    assert (deflection.subject, str(deflection.form_key)) == ("Export fails", key)
    event = Event.objects.get()
    assert (event.name, event.account_id, event.object_id) == (EventName.CASE_DEFLECTED, acme.pk, "export")
    assert not Case.objects.exists()
    assert not OutgoingMail.objects.exists()
    page = client.get("/help/export/thanks/").content.decode()
    assert "No case was opened." in page
    assert page.count("data-primary-action") == 1


def test_an_article_reached_from_a_case_asks_whether_it_solved_it(signed_in, member, viewer):
    make_article("Export")
    key = uuid.uuid4()
    address = f"/help/export/?form_key={key}&subject=%3Cb%3Eno%20export"
    page = signed_in(member).get(address).content.decode()
    assert f'name="form_key" value="{key}"' in page
    assert "&lt;b&gt;no export" in page
    assert f"/cases/new/?form_key={key}&subject=%3Cb%3Eno%20export" in page.replace("&amp;", "&")
    assert page.count("data-primary-action") == 1
    assert 'name="form_key"' not in signed_in(viewer).get(address).content.decode()
    assert signed_in(member).get("/help/export/?form_key=x&subject=y").status_code == 200


@pytest.mark.parametrize(
    "changes", [{"form_key": "x"}, {"form_key": ""}, {"subject": ""}, {"subject": "x" * 201}, {"subject": "a\x00"}]
)
def test_a_broken_answer_records_nothing(signed_in, member, changes):
    make_article("Export")
    sent = {"form_key": str(uuid.uuid4()), "subject": "Export fails"} | changes
    assert signed_in(member).post("/help/export/solved/", sent).status_code == 400
    assert not Deflection.objects.exists()
    assert not Event.objects.exists()


def test_a_deflection_belongs_to_the_company_it_was_said_in(as_customer, signed_in, member, other_admin):
    make_article("Export")
    key = str(uuid.uuid4())
    for person in (member, other_admin):  # The same key in two companies is two forms.
        signed_in(person).post("/help/export/solved/", {"form_key": key, "subject": person.name})
    with as_customer(member.membership), connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (CUSTOMER_ROLE,)
        assert [deflection.subject for deflection in Deflection.objects.all()] == ["Milo Brandt"]
    assert Deflection.objects.count() == 2


# What it costs, and who may


@pytest.mark.parametrize(
    "address",
    ["/help/", "/help/c/access/", "/help/guide-1/", "/help/search/?q=guide", "/help/suggestions/?subject=guide+to"],
)
def test_pages_cost_the_same_with_few_articles_and_many(signed_in, member, address):
    def fill(start, stop):
        category = Category.objects.get_or_create(slug="access", defaults={"name": "Access"})[0]
        Article.objects.bulk_create(
            Article(
                slug=f"guide-{n}", title=f"Guide {n}", summary="A guide.", body="Read it.", topic="access",
                category=category, state=ArticleState.PUBLISHED, visibility=Visibility.CUSTOMER,
            )
            for n in range(start, stop)
        )  # fmt: skip

    def content_queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return sum("knowledge_" in query["sql"] for query in captured)

    client = signed_in(member)
    fill(0, 10)
    few = content_queries()
    assert few <= 4
    fill(10, 1000)
    assert content_queries() <= few


def test_a_viewer_reads_and_votes_but_has_no_case_to_deflect(signed_in, viewer):
    make_article("Export")
    client = signed_in(viewer)
    page = client.get("/help/export/").content.decode()
    assert "/cases/new/" not in page
    assert page.count("data-primary-action") == 1
    assert client.post("/help/export/vote/", {"is_helpful": "yes"}).status_code == 302
    sent = {"form_key": str(uuid.uuid4()), "subject": "x"}
    assert client.post("/help/export/solved/", sent).status_code == 403
    assert not Deflection.objects.exists()


def test_a_company_of_another_tier_finds_nothing_of_a_segment(signed_in, other_admin):
    make_article("Export", visibility="segment", tiers=["premier"])
    client = signed_in(other_admin)
    sent = {"form_key": str(uuid.uuid4()), "subject": "x", "is_helpful": "yes"}
    assert client.get("/help/export/").status_code == 404
    assert client.get("/help/export/thanks/").status_code == 404
    assert client.post("/help/export/vote/", sent).status_code == 404
    assert client.post("/help/export/solved/", sent).status_code == 404


def test_anybody_else_is_asked_to_sign_in(db, client):
    make_article("Export", visibility="public")
    for address in ("/help/", "/help/c/access/", "/help/search/?q=x", "/help/suggestions/?subject=x"):
        assert client.get(address).url.startswith("/accounts/login/")
    for address in ("/help/export/vote/", "/help/export/solved/"):
        assert client.post(address).url.startswith("/accounts/login/")
    assert client.get("/help/nothing/").status_code == 404
