"""Writing and publishing articles in the admin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from knowledge.models import Article, ArticleVersion, Category, Deflection
from knowledge.services import publish_article
from tests.factories import make_article, make_staff, make_tier

INLINE = {"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"}


def form(article=None, **changes):
    category = Category.objects.get_or_create(slug="access", defaults={"name": "Access"})[0]
    sent = {
        "title": "Export", "slug": "export", "summary": "How to export.", "body": "## Steps\n\nDo it.",
        "category": category.pk, "topic": "data", "visibility": "customer", "products": "", "feature": "",
    }  # fmt: skip
    return sent | INLINE | changes


def change_page(article):
    return f"/admin/knowledge/article/{article.pk}/change/"


def test_an_article_is_written_previewed_and_published(signed_in, agent, member):
    client = signed_in(agent)
    assert client.post("/admin/knowledge/article/add/", form()).status_code == 302
    article = Article.objects.get()
    assert (article.state, article.versions.count()) == ("draft", 0)
    preview = client.get(f"/admin/knowledge/article/{article.pk}/preview/").content.decode()
    assert "<h2>Steps</h2>" in preview
    assert "Draft" in preview
    assert signed_in(member).get("/help/export/").status_code == 404

    response = client.post(change_page(article), form() | {"knowledge_article_publish": ""})
    assert response.status_code == 302
    article.refresh_from_db()
    assert (article.state, article.version) == ("published", 1)
    assert article.versions.get().author == agent
    assert signed_in(member).get("/help/export/").status_code == 200


def test_changed_text_of_a_published_article_becomes_its_next_version(signed_in, agent, now):
    article = make_article("Export", state="draft", helpful_votes=4)
    publish_article(article=article, author=agent, now=now)
    client = signed_in(agent)
    client.post(change_page(article), form(body="Better."))
    client.post(change_page(article), form(body="Better.", topic="billing"))
    article.refresh_from_db()
    assert (article.body, article.topic, article.version, article.helpful_votes) == ("Better.", "billing", 2, 4)
    assert article.versions.count() == 2
    assert article.events.latest("pgh_id").pgh_context["user_id"] == agent.pk
    page = client.get(change_page(article)).content.decode()
    assert f"/admin/knowledge/articleversion/{article.versions.get(number=1).pk}/change/" in page


def test_an_archived_article_leaves_its_readers(signed_in, agent, member):
    article = make_article("Export")
    signed_in(agent).post(change_page(article), form() | {"knowledge_article_archive": ""})
    assert signed_in(member).get("/help/export/").status_code == 404


def test_an_earlier_version_is_restored(signed_in, agent, now):
    article = make_article("Export", state="draft", body="One")
    first = publish_article(article=article, author=agent, now=now)
    client = signed_in(agent)
    client.post(change_page(article), form(body="Two"))
    sent = {"action": "restore", "_selected_action": [first.pk]}
    assert client.post("/admin/knowledge/articleversion/", sent).status_code == 302
    article.refresh_from_db()
    assert (article.body, article.version) == ("One", 3)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"slug": "search"}, "This address is taken"),
        ({"visibility": "segment"}, "shows to nobody"),
        ({"visibility": "public", "roles": ["buyer"]}, "Everyone reads a public article"),
        ({"visibility": "customer", "tiers": ["premier"]}, "For chosen tiers"),
        ({"visibility": "segment", "tiers": ["golden"]}, "Select a valid choice"),
    ],
)
def test_an_article_that_would_reach_the_wrong_readers_is_not_saved(signed_in, agent, changes, says):
    make_tier("premier")
    response = signed_in(agent).post("/admin/knowledge/article/add/", form(**changes))
    assert says in response.content.decode()
    assert not Article.objects.exists()


def test_articles_due_for_review_are_found(signed_in, agent):
    today = timezone.localdate()
    make_article("Old news", review_date=today - timedelta(days=1))
    make_article("Soon due", review_date=today + timedelta(days=10))
    make_article("No date at all")
    client = signed_in(agent)
    for value, title in (("overdue", "Old news"), ("soon", "Soon due"), ("none", "No date at all")):
        page = client.get(f"/admin/knowledge/article/?review={value}").content.decode()
        assert [name for name in ("Old news", "Soon due", "No date at all") if name in page] == [title]
    assert "Old news" in client.get("/admin/knowledge/article/?q=news").content.decode()


def test_deflections_are_read_and_not_written(signed_in, agent, acme, member):
    deflection = Deflection.objects.create(
        account=acme, user=member, article=make_article("Export"), subject="<b>No export", form_key=acme.public_id
    )
    client = signed_in(agent)
    page = client.get("/admin/knowledge/deflection/").content.decode()
    assert "&lt;b&gt;No export" in page
    address = f"/admin/knowledge/deflection/{deflection.pk}/change/"
    assert client.get(address).status_code == 200
    assert client.post(address, {"subject": "Other"}).status_code == 403
    assert client.post(f"/admin/knowledge/deflection/{deflection.pk}/delete/").status_code == 403


def test_shelves_are_kept_by_support(signed_in, agent, manager):
    sent = {"name": "New shelf", "slug": "new-shelf", "description": "", "icon": "book-open", "position": "1"}
    assert signed_in(manager).post("/admin/knowledge/category/add/", sent).status_code == 403
    assert signed_in(agent).post("/admin/knowledge/category/add/", sent).status_code == 302
    assert Category.objects.get().name == "New shelf"


def test_who_may_not_write_may_look(signed_in, manager, agent, admin, client, now):
    article = make_article("Export", state="draft")
    version = publish_article(article=article, author=agent, now=now)
    reader = signed_in(manager)
    assert reader.get(change_page(article)).status_code == 200
    assert reader.get(f"/admin/knowledge/article/{article.pk}/preview/").status_code == 200
    assert reader.post(change_page(article), form(body="Mine")).status_code == 403
    reader.post("/admin/knowledge/articleversion/", {"action": "restore", "_selected_action": [version.pk]})
    for person in (signed_in(admin), client):
        assert person.get(change_page(article)).status_code == 302
        assert person.get(f"/admin/knowledge/article/{article.pk}/preview/").status_code == 302
    assert ArticleVersion.objects.count() == 1
    assert make_staff("s@vendor.example", "S", group="Marketing").has_perm("knowledge.change_article")
