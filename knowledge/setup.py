"""What the help centre needs before customers come."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models.expressions import Combinable
from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext

from accounts.setup_items import Facts, Finding, RowCount, SetupGroup, SetupItem
from knowledge.models import Article, ArticleState

ENOUGH = 10


def facts(now: datetime) -> Mapping[str, Combinable]:
    return {"articles": RowCount(Article.objects.filter(state=ArticleState.PUBLISHED))}


def articles(now: datetime, facts: Facts) -> Finding:
    count = facts["articles"]
    words = ngettext("%(count)d article is published.", "%(count)d articles are published.", count) % {"count": count}
    return Finding.when(count >= ENOUGH, done=words, otherwise=words)


ITEMS = [
    SetupItem(
        "articles",
        gettext_lazy("Help articles"),
        SetupGroup.SERVICE,
        url=lambda: reverse("admin:knowledge_article_changelist"),
        check=articles,
        facts=facts,
    ),
]
