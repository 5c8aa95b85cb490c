"""How each person has arranged Home, and what they have put away there."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.companies import Account, Membership

WIDGET_NAME_LENGTH = 40


def _names() -> ArrayField[list[str], list[str]]:
    return ArrayField(models.CharField(max_length=WIDGET_NAME_LENGTH), default=list, blank=True)


class HomeLayout(models.Model):
    """One person's Home in one company: what stands first, what is pinned to the top, what is hidden.

    Widgets are kept by name. A name that this release does not know is left alone, and a widget that is in none of the
    lists (a later release brought it) is shown at its usual place.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="home_layouts")
    membership = models.OneToOneField(Membership, on_delete=models.CASCADE, related_name="home_layout")
    order = _names()
    pinned = _names()
    hidden = _names()
    arranged_at = models.DateTimeField(null=True, blank=True)  # Empty while Home is as it comes.
    first_steps_put_away_at = models.DateTimeField(null=True, blank=True)
    toured_at = models.DateTimeField(null=True, blank=True)  # The tour was finished, or declined.

    def __str__(self) -> str:
        return str(self.membership)
