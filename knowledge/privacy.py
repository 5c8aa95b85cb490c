"""What the help centre holds about people."""

from django.utils.translation import gettext_lazy as _

from accounts.law.personal import Fate, PersonalData

PERSONAL = (
    PersonalData(
        "knowledge.ArticleVote", "user", _("Articles you rated"), ("article__title", "is_helpful", "updated_at"),
        Fate.DELETE, lasts="one vote for each article, which counts until the person changes it",
    ),
    PersonalData(
        "knowledge.Deflection", "user", _("Questions that an article answered"),
        ("subject", "article__title", "created_at"), Fate.UNTIE, _("Counted for the article, without you."),
        lasts="the company's, as the case would be that it saved",
    ),
)  # fmt: skip

EXEMPT = {"knowledge.ArticleVersion": "written by the vendor's staff"}
