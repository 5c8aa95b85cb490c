"""What the help centre holds that follows a person whose entries are joined."""

from django.utils.translation import gettext_lazy as _

from accounts.merging import Follows

FOLLOWS = (
    Follows("knowledge.Deflection", "user", _("Questions answered by an article")),
    # One person has one vote: the article's sum follows by a trigger.
    Follows(
        "knowledge.ArticleVote", "user", _("Votes on articles"), once_per=("account", "article"), deletes_second=True
    ),
)  # fmt: skip
STAYS = {"knowledge.ArticleVersion.author": "names somebody of the vendor's staff, and staff are never joined"}
