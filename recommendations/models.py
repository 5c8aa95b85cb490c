"""What to show this account now: rules as data, edited by marketing."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Self

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import OuterRef, Q
from django.db.models.functions import Cast, JSONObject
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from accounts.compiled import Given
from accounts.models import Account, Industry, LifecycleStage, Tier
from commerce.models import Product, ProductGrant
from commerce.models.catalogue import sold_on
from recommendations import offers
from tracking.models import Meter


class OfferQuerySet(models.QuerySet["Offer"]):
    def active(self, today: date | Given) -> Self:
        return self.filter(sold_on(today, "product__"), is_active=True)

    def with_grants(self) -> Self:
        """Read along what one unit of the product grants: `grants_read`. No query of its own."""
        grants = ProductGrant.objects.filter(product=OuterRef("product")).order_by("code")
        # Quantities as text, for numbers of JSON would be floats.
        row = JSONObject(code="code", quantity=Cast("quantity", models.TextField()))
        return self.annotate(grants_read=ArraySubquery(grants.values_list(row)))


class Offer(models.Model):
    """A reason to recommend a product: use of a meter against its limit, or a feature the account lacks."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="offers")
    meter = models.CharField(max_length=40, choices=Meter, blank=True)
    threshold_percent = models.PositiveSmallIntegerField(default=85)  # Of the limit; with a meter only.
    industries = ArrayField(models.CharField(max_length=20), default=list, blank=True)  # Empty: all.
    stages = ArrayField(models.CharField(max_length=20), default=list, blank=True)  # Empty: all.
    headline = models.CharField(max_length=120)
    # Named figures may stand in it: {used} {limit} {percent} {industry}.
    reason = models.CharField(max_length=240)
    weight = models.PositiveSmallIntegerField(default=10)
    is_active = models.BooleanField(default=True)

    grants_read: list[dict[str, Any]]  # Only on rows of `with_grants`.

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "meter"], name="offer_once_per_meter")]

    def __str__(self) -> str:
        return self.headline

    def clean(self) -> None:
        """Refuse what could not be filled in or would never match."""
        errors: dict[str, str] = {}
        for name in ("headline", "reason"):
            if message := _text_error(getattr(self, name), meter=self.meter):
                errors[name] = message
        if self.meter and not 1 <= self.threshold_percent <= 200:
            errors["threshold_percent"] = _("Between 1 and 200 percent of the limit.")
        _check_codes(errors, "industries", self.industries, Industry.values)
        _check_codes(errors, "stages", self.stages, LifecycleStage.values)
        if errors:
            raise ValidationError(errors)


class ContentBlockQuerySet(models.QuerySet["ContentBlock"]):
    def matching(self, account: Account) -> Self:
        """Active blocks whose every named rule fits the account; a part left empty does not restrict."""
        return self.filter(
            Q(industries=[]) | Q(industries__contains=[account.industry]),
            Q(tiers=[]) | Q(tiers__contains=[account.tier.code]),
            Q(stages=[]) | Q(stages__contains=[account.lifecycle_stage]),
            is_active=True,
        )


class ContentBlock(models.Model):
    """A piece of Home shown to accounts of chosen industries, tiers and lifecycle stages."""

    title = models.CharField(max_length=120)
    body = models.TextField()
    link_label = models.CharField(max_length=60, blank=True)
    link_url = models.CharField(max_length=200, blank=True)  # A path of the portal.
    icon = models.CharField(max_length=40, default="sparkles")
    industries = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    tiers = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    stages = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    objects = ContentBlockQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        """Refuse a link that leads nowhere, and rules that would never match."""
        errors: dict[str, str] = {}
        if bool(self.link_label) != bool(self.link_url):
            errors["link_label"] = _("A link needs both its words and its address.")
        if self.link_url and not _is_page(self.link_url):
            errors["link_url"] = _("There is no page of the portal at this address. It starts with “/”.")
        _check_codes(errors, "industries", self.industries, Industry.values)
        _check_codes(errors, "stages", self.stages, LifecycleStage.values)
        _check_codes(errors, "tiers", self.tiers, Tier.objects.values_list("code", flat=True))
        if errors:
            raise ValidationError(errors)


def _text_error(text: str, *, meter: str) -> str:
    try:
        offers.check_text(text, meter=meter)
    except offers.UnknownPlaceholder as error:
        names = ", ".join(f"{{{name}}}" for name in error.names)
        if set(error.names) <= offers.METER_PLACEHOLDERS:
            return _("%(names)s: only an offer with a meter has these figures.") % {"names": names}
        return _("%(names)s: we don't know this figure.") % {"names": names}
    except offers.MalformedText:
        return _("A name in braces is not complete, such as {used}.")
    return ""


def _check_codes(errors: dict[str, str], name: str, codes: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(codes) - set(known)):
        errors[name] = _("Not known: %(codes)s.") % {"codes": ", ".join(unknown)}


def _is_page(path: str) -> bool:
    try:
        resolve(path.partition("?")[0])
    except Resolver404:
        return False
    return path.startswith("/")
