"""People who were several customers and are one: which were joined, and which are not to be suggested again."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User


class PersonMerge(models.Model):
    """One person's entry was joined with another. Kept: it says what has moved, and who decided it why."""

    merged = models.OneToOneField(User, on_delete=models.PROTECT, related_name="merge", verbose_name=_("entry joined"))
    survivor = models.ForeignKey(User, on_delete=models.PROTECT, related_name="merges", verbose_name=_("entry kept"))
    address = models.EmailField(_("its address"), blank=True)  # Now a further address of the survivor's.
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", verbose_name=_("by"))
    reason = models.CharField(_("reason"), max_length=300)
    moved = models.JSONField(_("what moved"), default=dict)  # "cases.Case.opened_by" to how many.
    made_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("merge of people")
        verbose_name_plural = _("merges of people")
        permissions = [("merge_people", "Can merge entries of one person")]
        constraints = [
            models.CheckConstraint(condition=~Q(merged=F("survivor")), name="person_merge_of_two"),
            models.CheckConstraint(condition=~Q(reason=""), name="person_merge_has_a_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.merged} into {self.survivor}"


class DistinctPair(models.Model):
    """Two people who look alike, and of whom somebody has said that they are two."""

    first = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="distinct_pair_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="distinct_pair_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second} are two"
