"""What selling needs before customers come: products, prices, taxes, and Stripe."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Account, Tier
from accounts.setup_items import Facts, Finding, RowCount, SetupGroup, SetupItem, SetupState
from commerce.models import LegalEntity, Price, Product, TaxRate, WebhookEvent, WebhookState


def facts(now: datetime) -> Mapping[str, Combinable]:
    """What the checks below go by."""
    rates = TaxRate.objects.filter(country=OuterRef("billing_country"), valid_from__lte=now.date()).filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now.date())
    )
    untaxed = Account.objects.filter(~Exists(rates), is_active=True).order_by("billing_country")
    return {
        "tiers": ArraySubquery(Tier.objects.values("name")),
        "products_on_sale": RowCount(Product.objects.on_sale(now.date())),
        "has_tax_rates": Exists(TaxRate.objects.all()),
        "untaxed_countries": ArraySubquery(untaxed.values("billing_country").distinct()),
        "stripe_called_at": Subquery(WebhookEvent.objects.order_by("-received_at").values("received_at")[:1]),
        "has_parked_messages": Exists(WebhookEvent.objects.filter(state=WebhookState.PARKED)),
    }


def products(now: datetime, facts: Facts) -> Finding:
    count = facts["products_on_sale"]
    done = ngettext("%(count)d product is on sale.", "%(count)d products are on sale.", count) % {"count": count}
    return Finding.when(count > 0, done=done, otherwise=_("Nothing is on sale yet."))


def prices(now: datetime, facts: Facts) -> Finding:
    """Whether every tier has a price for every product on sale. One query."""
    if not facts["tiers"] or not facts["products_on_sale"]:
        return Finding(SetupState.OPEN, _("Tiers and products come first."))
    prices = Price.objects.on(now.date()).filter(
        Q(book__tier=OuterRef("pk")) | Q(book__tier=None),  # Without a tier: everybody's.
        book__account=None,
        product=OuterRef(OuterRef("pk")),
    )
    unpriced = ArraySubquery(Tier.objects.filter(~Exists(prices)).values("name"))
    products = Product.objects.on_sale(now.date()).annotate(tiers=unpriced).values_list("name", "tiers")
    lacking = [f"{product} ({tier})" for product, tiers in products for tier in tiers]
    return Finding.when(
        not lacking,
        done=_("Every product on sale has a price in every tier."),
        otherwise=_("No price today for %(products)s.") % {"products": ", ".join(lacking[:5])},
        state=SetupState.ATTENTION,
    )


def taxes(now: datetime, facts: Facts) -> Finding:
    """Whether there is a tax rate today for every country that customers are billed in."""
    if not facts["has_tax_rates"]:
        return Finding(SetupState.OPEN, _("No tax rate yet."))
    lacking = facts["untaxed_countries"]
    return Finding.when(
        not lacking,
        done=_("Every country that customers are billed in has its rate."),
        otherwise=_("No rate for %(countries)s.") % {"countries": ", ".join(lacking)},
        state=SetupState.ATTENTION,
    )


def seller(now: datetime, facts: Facts) -> Finding:
    """Whether bills say all that the law wants to know of who sends them. One query."""
    entity = LegalEntity.objects.filter(name=settings.LEGAL_ENTITY).first() or LegalEntity()
    return Finding.when(
        not entity.missing,
        done=_("Bills name %(seller)s in full, and are e-invoices.") % {"seller": settings.LEGAL_ENTITY},
        otherwise=_("Missing: %(fields)s.") % {"fields": ", ".join(entity.missing)},
    )


def stripe(now: datetime, facts: Facts) -> Finding:
    if not (settings.STRIPE_SECRET_KEY and settings.STRIPE_WEBHOOK_SECRETS):
        return Finding(SetupState.OPEN, _("Set the keys of Stripe in the environment."))
    if settings.STRIPE_API_BASE:
        return Finding(SetupState.ATTENTION, _("Payments go to a stand-in for Stripe, not to Stripe."))
    is_live = settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
    return Finding.when(
        is_live,
        done=_("Connected with a live key."),
        otherwise=_("Connected with a test key: no money moves."),
        state=SetupState.ATTENTION,
    )


def webhook(now: datetime, facts: Facts) -> Finding:
    """Whether Stripe's messages arrive, and none was given up."""
    called_at = facts["stripe_called_at"]
    if called_at is None:
        return Finding(SetupState.OPEN, _("Stripe has not called yet. Add the webhook over there and send a test."))
    return Finding.when(
        not facts["has_parked_messages"],
        done=_("Last heard on %(day)s.") % {"day": date_format(called_at.date())},
        otherwise=_("Some messages of Stripe were given up."),
        state=SetupState.ATTENTION,
    )


ITEMS = [
    SetupItem(
        "products",
        gettext_lazy("Products"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:commerce_product_changelist"),
        check=products,
        facts=facts,
    ),
    SetupItem(
        "prices",
        gettext_lazy("Prices"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:commerce_pricebook_changelist"),
        check=prices,
        facts=facts,
    ),
    SetupItem(
        "taxes",
        gettext_lazy("Tax rates"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:commerce_taxrate_changelist"),
        check=taxes,
        facts=facts,
    ),
    SetupItem(
        "seller",
        gettext_lazy("The seller on bills"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:commerce_legalentity_changelist"),
        check=seller,
    ),
    SetupItem("stripe", gettext_lazy("Stripe"), SetupGroup.CONNECTIONS, url=str, check=stripe),
    SetupItem(
        "webhook",
        gettext_lazy("Stripe's messages arrive"),
        SetupGroup.CONNECTIONS,
        url=lambda: reverse("admin:commerce_webhookevent_changelist"),
        check=webhook,
        facts=facts,
    ),
]
