"""The catalogue: products, what they grant, and the pictures and papers about them."""

import uuid
from datetime import date
from pathlib import PurePosixPath
from typing import Any, Self

from django.apps import apps
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Sum
from django.db.models.functions import Cast, JSONObject
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.compiled import Given
from accounts.models import Account, Feature
from commerce.pricing.methods import LineKind
from tracking.models import Meter

MOST_PLACES = 4  # As many as the ledger keeps of a quantity.


class ProductKind(models.TextChoices):
    PLAN = "plan", gettext_lazy("Plan")
    ADDON = "addon", gettext_lazy("Add-on")
    SERVICE = "service", gettext_lazy("One-time service")
    USAGE = "usage", gettext_lazy("Metered usage")

    @property
    def is_addon(self) -> bool:
        """Held beside a plan until the contract ends: an add-on, or metered usage."""
        return self in (ProductKind.ADDON, ProductKind.USAGE)

    @property
    def line_kind(self) -> LineKind:
        """What it is to the engine."""
        return LineKind.ADDON if self.is_addon else LineKind(self.value)


class Lifecycle(models.TextChoices):
    """Where a product stands. What was bought stays with its owner after the end of sale."""

    DRAFT = "draft", gettext_lazy("Draft")
    ON_SALE = "on_sale", gettext_lazy("On sale")
    END_OF_SALE = "end_of_sale", gettext_lazy("End of sale: those who have it keep it")
    END_OF_LIFE = "end_of_life", gettext_lazy("End of life: it runs no more")

    @property
    def is_over(self) -> bool:
        """Whether it was sold once, and is no more."""
        return self in _ENDED


_ENDED = (Lifecycle.END_OF_SALE, Lifecycle.END_OF_LIFE)


class BillingRule(models.TextChoices):
    """When a product's price is due."""

    TERM = "term", gettext_lazy("Prepaid for the contract term")
    PERIOD = "period", gettext_lazy("Billed every month")
    ONCE = "once", gettext_lazy("Billed once")


def sold_on(day: date | Given, prefix: str = "", *, with_drafts: bool = False) -> Q:
    """Whether a product is on sale on the day; drafts only for those who look at them before they are."""
    said = [Lifecycle.ON_SALE, Lifecycle.DRAFT] if with_drafts else [Lifecycle.ON_SALE]
    return (
        Q(**{f"{prefix}lifecycle__in": said})
        & (Q(**{f"{prefix}end_of_sale_date": None}) | Q(**{f"{prefix}end_of_sale_date__gt": day}))
        & (Q(**{f"{prefix}end_of_life_date": None}) | Q(**{f"{prefix}end_of_life_date__gt": day}))
    )


class ProductQuerySet(models.QuerySet["Product"]):
    def on_sale(self, day: date | Given, *, with_drafts: bool = False) -> Self:
        return self.filter(sold_on(day, with_drafts=with_drafts))

    def with_options(self) -> Self:
        """Read along what comes with a bundle: `options_read`, in the order of its groups. No query of its own."""
        options = apps.get_model("commerce", "BundleOption").objects.filter(group__bundle=OuterRef("pk"))
        row = JSONObject(
            group="group__name",
            min_options="group__min_options",
            max_options="group__max_options",
            code="product__code",
            name="product__name",
            kind="product__kind",
            is_required="is_required",
            is_included="is_included",
            # As text, for numbers of JSON would be floats.
            least=Cast("min_quantity", models.TextField()),
            most=Cast("max_quantity", models.TextField()),
            default=Cast("default_quantity", models.TextField()),
        )
        ordered = options.order_by("group__position", "group", "position", "pk")
        return self.annotate(options_read=ArraySubquery(ordered.values_list(row)))


class Product(models.Model):
    """Something a customer can own: a plan, an add-on, a service, or usage that is metered."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    code = models.SlugField(unique=True)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=ProductKind)
    billing = models.CharField(max_length=10, choices=BillingRule, default=BillingRule.TERM)
    summary = models.CharField(max_length=200)
    highlights = models.TextField(blank=True)  # One per line.
    unit_label = models.CharField(max_length=40, default="seat")  # "seat", "pack of 100 GB", "workspace".
    icon = models.CharField(max_length=40, default="package")
    rank = models.PositiveSmallIntegerField(default=0)  # Plans: a higher rank is an upgrade.
    min_quantity = models.PositiveIntegerField(default=1)
    max_quantity = models.PositiveIntegerField(default=10_000)  # More than this: talk to sales.
    quantity_places = models.PositiveSmallIntegerField(
        gettext_lazy("decimals of a quantity"), default=0, validators=[MaxValueValidator(MOST_PLACES)]
    )
    # What metered usage counts.
    meter = models.CharField(gettext_lazy("meter"), max_length=40, choices=Meter, blank=True)
    lifecycle = models.CharField(gettext_lazy("lifecycle"), max_length=12, choices=Lifecycle, default=Lifecycle.ON_SALE)
    # The first day on which it is sold, or runs, no more. A date ahead takes effect by itself.
    end_of_sale_date = models.DateField(gettext_lazy("end of sale"), null=True, blank=True)
    end_of_life_date = models.DateField(gettext_lazy("end of life"), null=True, blank=True)
    successor = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="predecessors",
        verbose_name=gettext_lazy("successor"), help_text=gettext_lazy("What is offered in its place."),
    )  # fmt: skip

    options_read: list[dict[str, Any]]  # Only on rows of `with_options`.

    objects = ProductQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "rank", "name"]
        permissions = [("preview_catalogue", gettext_lazy("See the plans as a company sees them, with drafts"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(max_quantity__gte=F("min_quantity")),
                name="product_quantities",
                violation_error_message=gettext_lazy("The most that is sold is not below the least."),
            ),
            models.CheckConstraint(condition=Q(quantity_places__lte=MOST_PLACES), name="product_quantity_places"),
            models.CheckConstraint(
                condition=(Q(kind="usage") & ~Q(meter="")) | (~Q(kind="usage") & Q(meter="")),
                name="product_usage_has_meter",
            ),
            models.CheckConstraint(
                condition=Q(end_of_sale_date=None)
                | Q(end_of_life_date=None)
                | Q(end_of_life_date__gte=F("end_of_sale_date")),
                name="product_sale_ends_before_life",
                violation_error_message=gettext_lazy("It is sold no longer than it runs."),
            ),
            models.CheckConstraint(
                condition=Q(successor=None) | ~Q(successor=F("id")),
                name="product_succeeds_another",
                violation_error_message=gettext_lazy("Nothing takes its own place."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_draft(self) -> bool:
        return self.lifecycle == Lifecycle.DRAFT

    @property
    def kind_choice(self) -> ProductKind:
        return ProductKind(self.kind)

    def lifecycle_on(self, day: date) -> Lifecycle:
        """Where it stands on a day, by what was said and by its dates."""
        said = Lifecycle(self.lifecycle)
        if said == Lifecycle.DRAFT:
            return said
        if said == Lifecycle.END_OF_LIFE or (self.end_of_life_date and self.end_of_life_date <= day):
            return Lifecycle.END_OF_LIFE
        if said == Lifecycle.END_OF_SALE or (self.end_of_sale_date and self.end_of_sale_date <= day):
            return Lifecycle.END_OF_SALE
        return said

    @property
    def picture(self) -> "ProductFile | None":
        """The first of its pictures."""
        return next((file for file in self.files.all() if file.is_picture), None)

    @property
    def documents(self) -> "list[ProductFile]":
        return [file for file in self.files.all() if file.is_document]

    def clean(self) -> None:
        """Refuse usage without its meter, a meter without usage, and ends and successors that lead nowhere."""
        errors: dict[str, Any] = {}
        if self.kind == ProductKind.USAGE and not self.meter:
            errors["meter"] = _("Metered usage names the meter that it counts.")
        if self.kind != ProductKind.USAGE and self.meter:
            errors["meter"] = _("Only metered usage has a meter.")
        if self.kind == ProductKind.PLAN and self.quantity_places:
            errors["quantity_places"] = _("Seats are whole.")
        if self.lifecycle == Lifecycle.END_OF_LIFE and self.end_of_life_date is None:
            errors["end_of_life_date"] = _("Say since when it runs no more.")
        if self.is_draft and self.pk and self.subscriptions.exists():
            errors["lifecycle"] = _("It was sold already. End its sale instead.")
        if self.successor is not None and (reason := self._why_not(self.successor)):
            errors["successor"] = reason
        if errors:
            raise ValidationError(errors)

    def _why_not(self, successor: "Product") -> str:
        """What is wrong with a successor, or nothing."""
        if successor.kind != self.kind:
            return _("A successor is of the same kind.")
        if successor.lifecycle in _ENDED:
            return _("“%(product)s” is sold no more itself.") % {"product": successor}
        seen: set[int] = set()
        following: Product | None = successor
        while following is not None and following.pk not in seen:
            if following.pk == self.pk:
                return _("Its successors would lead back to it.")
            seen.add(following.pk)
            following = following.successor
        if self.lifecycle not in _ENDED and self.end_of_sale_date is None:
            return _("Say when its sale ends: until then nothing takes its place.")
        return ""


class ProductGrant(models.Model):
    """What owning a product grants: a feature (no quantity), or an amount of a meter, per unit or once."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="grants")
    code = models.CharField(max_length=40)  # accounts.Feature or tracking.Meter.
    quantity = models.DecimalField(max_digits=20, decimal_places=4, null=True, blank=True)
    is_per_unit = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product", "code"],
                name="product_grant_once",
                violation_error_message=gettext_lazy("It grants this already: say the whole amount in one line."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.product}: {self.code}"

    def clean(self) -> None:
        """Refuse what no code asks for, features in amounts, and amounts of nothing."""
        if self.code not in Feature.values and self.code not in Meter.values:
            raise ValidationError({"code": _("This is neither a feature nor a meter.")})
        if self.code in Feature.values and (self.quantity is not None or self.is_per_unit):
            raise ValidationError({"quantity": _("A feature is granted or not: it has no quantity.")})
        if self.code in Meter.values and not (self.quantity and self.quantity > 0):
            raise ValidationError({"quantity": _("Say how much of the meter.")})


class FileKind(models.TextChoices):
    IMAGE = "image", gettext_lazy("Picture")
    DOCUMENT = "document", gettext_lazy("Document")
    DOWNLOAD = "download", gettext_lazy("Download, for those who have the product")


def catalogue_path(file: "ProductFile", filename: str) -> str:
    """Where the bytes lie: never under the name that somebody uploaded."""
    return str(PurePosixPath("catalogue") / f"{file.public_id}{PurePosixPath(filename).suffix.lower()}")


class ProductFileQuerySet(models.QuerySet["ProductFile"]):
    def for_account(self, account: Account, day: date, *, with_drafts: bool = False) -> Self:
        """Of products that it may buy on the day, and of those that it has or had; not what only owners get."""
        had = Product.objects.filter(subscriptions__account=account)
        return self.exclude(kind=FileKind.DOWNLOAD).filter(
            sold_on(day, "product__", with_drafts=with_drafts) | Q(product__in=had)
        )

    def owned_by(self, account: Account, day: date) -> Self:
        """What is downloaded with what the account has on the day."""
        deltas = apps.get_model("commerce", "SubscriptionDelta").objects.filter(
            account=account,
            effective_date__lte=day,
            subscription__contract__start_date__lte=day,
            subscription__contract__end_date__gt=day,
        )
        held = deltas.values("subscription").annotate(held=Sum("quantity")).filter(held__gt=0)
        return self.filter(kind=FileKind.DOWNLOAD, product__in=held.values("subscription__product"))


class ProductFile(models.Model):
    """A picture of a product or a paper about it, for everybody who may see the product; or what its owners install."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="files")
    kind = models.CharField(gettext_lazy("kind"), max_length=10, choices=FileKind)
    title = models.CharField(gettext_lazy("title"), max_length=120)  # What a picture shows, for those who don't see it.
    position = models.PositiveSmallIntegerField(gettext_lazy("position"), default=0)
    content_type = models.CharField(max_length=100, editable=False)
    size = models.PositiveIntegerField(editable=False)  # Bytes.
    content = models.FileField(gettext_lazy("file"), upload_to=catalogue_path, max_length=200, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ProductFileQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def is_document(self) -> bool:
        return self.kind == FileKind.DOCUMENT

    @property
    def is_picture(self) -> bool:
        return self.kind == FileKind.IMAGE

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.content.name or "").suffix

    @property
    def file_name(self) -> str:
        """As it is downloaded."""
        return f"{slugify(self.title) or 'file'}{self.suffix}"

    def keep(self, content: bytes, *, content_type: str, suffix: str) -> None:
        """Hold other bytes, at an address of their own: browsers keep what an address once had. To be saved."""
        self._forget_content()
        self.public_id = uuid.uuid4()
        self.content_type, self.size = content_type, len(content)
        self.content.save(f"file{suffix}", ContentFile(content), save=False)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self._forget_content()
        return super().delete(*args, **kwargs)

    def _forget_content(self) -> None:
        """Once nobody can come back to the row that names them, the bytes go too."""
        if name := self.content.name:
            storage = self.content.storage
            transaction.on_commit(lambda: storage.delete(name))
