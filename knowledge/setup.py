"""What the help centre needs before customers come."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext_lazy, ngettext

from accounts.setup_items import Finding, SetupGroup, SetupItem
from knowledge.models import Article, ArticleState

ENOUGH = 10


def articles(now: datetime) -> Finding:
    count = Article.objects.filter(state=ArticleState.PUBLISHED).count()
    words = ngettext("%(count)d article is published.", "%(count)d articles are published.", count) % {"count": count}
    return Finding.when(count >= ENOUGH, done=words, otherwise=words)


ITEMS = [
    SetupItem(
        "articles",
        gettext_lazy("Help articles"),
        SetupGroup.SERVICE,
        url=lambda: reverse("admin:knowledge_article_changelist"),
        check=articles,
    ),
]
