"""What stands in the customers' menu, and in which order, for each role."""

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models.brands import Brand
from accounts.permissions import Role


class MenuEntry(models.TextChoices):
    """An entry of the customers' menu, in the usual order. The value is the name of the page's URL."""

    HOME = "home", _("Home")
    HELP = "knowledge:help", _("Help")
    CASES = "cases:list", _("Cases")
    CONTRACTS = "commerce:contracts", _("Contracts")
    USAGE = "commerce:usage", _("Usage")
    PLANS = "commerce:plans", _("Plans")
    ORDERS = "commerce:orders", _("Orders")
    LICENCES = "commerce:licences", _("Licences and downloads")
    INVOICES = "commerce:invoices", _("Invoices")
    COMPANY = "accounts:company", _("Company")


@pghistory.track()
class MenuRule(models.Model):
    """For people with this role one entry of the menu is left out, or has another place. Opens and closes no page."""

    brand = models.ForeignKey(Brand, on_delete=models.CASCADE, related_name="menu_rules")
    role = models.CharField(_("role"), max_length=20, choices=Role)
    entry = models.CharField(_("entry"), max_length=40, choices=MenuEntry)
    is_hidden = models.BooleanField(_("left out"), default=False)
    position = models.PositiveSmallIntegerField(
        _("place"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(len(MenuEntry))],
        help_text=_("1 is the first. Empty: the usual place."),
    )

    class Meta:
        verbose_name = _("rule of the menu")
        verbose_name_plural = _("menu by role")
        ordering = ["role", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["brand", "role", "entry"], name="menu_rule_once")]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.get_entry_display()}"
