"""Help articles through the API."""

import pytest

from tests.factories import make_article


def test_articles_are_listed_page_by_page_and_only_permitted_ones(signed_in, member):
    for title in ("Alpha", "Beta", "Gamma"):
        make_article(title)
    make_article("Aardvark", visibility="internal")
    client, seen, after = signed_in(member), [], ""
    while after is not None:
        answer = client.get("/api/v1/help/articles", {"limit": 2, "after": after}).json()
        seen += [article["slug"] for article in answer["items"]]
        after = answer["next_after"]
    assert seen == ["alpha", "beta", "gamma"]


def test_articles_are_searched(signed_in, member):
    make_article("Reset a password")
    make_article("Export")
    make_article("Password vault", visibility="segment", tiers=["growth"])
    answer = signed_in(member).get("/api/v1/help/articles?q=pasword").json()
    assert [article["slug"] for article in answer["items"]] == ["reset-a-password"]


def test_an_article_is_read(signed_in, viewer):
    make_article("Export", body="## Steps")
    answer = signed_in(viewer).get("/api/v1/help/articles/export").json()
    assert (answer["title"], answer["body"], answer["category"]) == ("Export", "## Steps", "Access")


@pytest.mark.parametrize("query", ["limit=-13754148829142218752", "limit=0", "limit=101", "q=" + "x" * 201])
def test_strange_parameters_are_refused(signed_in, member, query):
    assert signed_in(member).get(f"/api/v1/help/articles?{query}").status_code == 422


def test_who_may_what(signed_in, client, other_admin, agent, db):
    make_article("Export", visibility="segment", tiers=["premier"])
    assert signed_in(other_admin).get("/api/v1/help/articles/export").status_code == 404
    assert signed_in(other_admin).get("/api/v1/help/articles/%00").status_code == 404
    assert signed_in(agent).get("/api/v1/help/articles").status_code == 403
    assert client.get("/api/v1/help/articles").status_code == 401
    assert client.get("/api/v1/help/articles/export").status_code == 401
