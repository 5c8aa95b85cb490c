"""What people are told about cases."""

from django.utils.translation import gettext_lazy as _

from accounts.notifications.types import Category, Context, NotificationType
from accounts.permissions import Permission


class AboutACase(NotificationType):
    """Answered by mail, it becomes a message of the case."""

    category = Category.CASES
    permission = Permission.VIEW_CASES
    action = _("Open the case")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        case = context["case"]
        return {"number": case.number, "subject": case.subject}

    @classmethod
    def link(cls, context: Context) -> str:
        return str(context["case"].get_absolute_url())

    @classmethod
    def answers(cls, context: Context) -> tuple[str, str]:
        return "case", str(context["case"].serial)


class CaseOpened(AboutACase):
    """We have it: to the person who opened it."""

    name = "case_opened"
    label = _("We have received a case of mine")
    line = _("We have your case %(number)s: %(subject)s")
    in_bell = False


class CaseReply(AboutACase):
    """Support has answered."""

    name = "case_reply"
    label = _("A case of mine is answered")
    line = _("%(author)s answered %(number)s: %(subject)s")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {**super().params(context), "author": context["message"].author.name}


class CaseResolved(AboutACase):
    """Support considers it answered."""

    name = "case_resolved"
    label = _("A case of mine is resolved")
    line = _("%(number)s is resolved: %(subject)s")


class CaseShared(AboutACase):
    """A colleague has added somebody to a case."""

    name = "case_shared"
    label = _("A colleague shares a case with me")
    line = _("%(colleague)s shares %(number)s with you: %(subject)s")

    @classmethod
    def params(cls, context: Context) -> dict[str, str | int]:
        return {**super().params(context), "colleague": context["added_by"].name}


TYPES: tuple[type[NotificationType], ...] = (CaseShared, CaseOpened, CaseReply, CaseResolved)
