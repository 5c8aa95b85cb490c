"""What the vendor has decided for this installation, and what people have ticked off while setting it up."""

from typing import Self

import pghistory
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.people import User

_PERCENT = [MaxValueValidator(100)]


@pghistory.track()
class Installation(models.Model):
    """When the portal opens, and what it is to achieve. One row; targets are percentages, empty until decided."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    go_live_date = models.DateField(_("go-live date"), null=True, blank=True)
    target_adoption = models.PositiveSmallIntegerField(
        _("accounts that use the portal (%)"), null=True, blank=True, validators=_PERCENT
    )
    target_deflection = models.PositiveSmallIntegerField(
        _("questions solved by an article (%)"), null=True, blank=True, validators=_PERCENT
    )
    target_upgrade = models.PositiveSmallIntegerField(
        _("accounts that upgrade in a year (%)"), null=True, blank=True, validators=_PERCENT
    )
    target_renewal = models.PositiveSmallIntegerField(
        _("contracts that are renewed (%)"), null=True, blank=True, validators=_PERCENT
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_installation")]

    def __str__(self) -> str:
        return "Installation"

    @classmethod
    def current(cls) -> Self:
        """The row; not saved yet before somebody has decided something."""
        return cls.objects.first() or cls()

    @property
    def targets(self) -> list[int | None]:
        return [self.target_adoption, self.target_deflection, self.target_upgrade, self.target_renewal]


class SetupTick(models.Model):
    """Somebody says that a part of the setup is done, where no computer can tell."""

    code = models.SlugField(unique=True)
    note = models.CharField(_("note"), max_length=300, blank=True)
    ticked_by = models.ForeignKey(User, on_delete=models.PROTECT)
    ticked_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.code
