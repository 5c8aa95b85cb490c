"""What selling needs before customers come: products, prices, taxes, and Stripe."""

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Account, Tier
from accounts.setup_items import Finding, SetupGroup, SetupItem, SetupState
from commerce.models import Price, Product, TaxRate, WebhookEvent, WebhookState


def products(now: datetime) -> Finding:
    count = Product.objects.on_sale(now.date()).count()
    done = ngettext("%(count)d product is on sale.", "%(count)d products are on sale.", count) % {"count": count}
    return Finding.when(count > 0, done=done, otherwise=_("Nothing is on sale yet."))


def prices(now: datetime) -> Finding:
    """Whether every tier has a price for every product on sale. Three queries."""
    tiers, on_sale = list(Tier.objects.all()), list(Product.objects.on_sale(now.date()))
    if not tiers or not on_sale:
        return Finding(SetupState.OPEN, _("Tiers and products come first."))
    books = Price.objects.on(now.date()).filter(book__account=None)
    priced = set(books.values_list("book__tier", "product"))  # Without a tier: everybody's.
    lacking = [
        f"{product.name} ({tier.name})"
        for product in on_sale
        for tier in tiers
        if not priced & {(tier.pk, product.pk), (None, product.pk)}
    ]
    return Finding.when(
        not lacking,
        done=_("Every product on sale has a price in every tier."),
        otherwise=_("No price today for %(products)s.") % {"products": ", ".join(lacking[:5])},
        state=SetupState.ATTENTION,
    )


def taxes(now: datetime) -> Finding:
    """Whether there is a tax rate today for every country that customers are billed in. Two queries."""
    rates = TaxRate.objects.filter(country=OuterRef("billing_country"), valid_from__lte=now.date()).filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now.date())
    )
    if not TaxRate.objects.exists():
        return Finding(SetupState.OPEN, _("No tax rate yet."))
    countries = Account.objects.filter(~Exists(rates), is_active=True).values_list("billing_country", flat=True)
    lacking = sorted(set(countries.distinct()))
    return Finding.when(
        not lacking,
        done=_("Every country that customers are billed in has its rate."),
        otherwise=_("No rate for %(countries)s.") % {"countries": ", ".join(lacking)},
        state=SetupState.ATTENTION,
    )


def stripe(now: datetime) -> Finding:
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


def webhook(now: datetime) -> Finding:
    """Whether Stripe's messages arrive, and none was given up. Two queries."""
    last = WebhookEvent.objects.order_by("-received_at", "-pk").first()
    if last is None:
        return Finding(SetupState.OPEN, _("Stripe has not called yet. Add the webhook over there and send a test."))
    parked = WebhookEvent.objects.filter(state=WebhookState.PARKED).exists()
    return Finding.when(
        not parked,
        done=_("Last heard on %(day)s.") % {"day": date_format(last.received_at.date())},
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
    ),
    SetupItem(
        "prices",
        gettext_lazy("Prices"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:commerce_pricebook_changelist"),
        check=prices,
    ),
    SetupItem(
        "taxes",
        gettext_lazy("Tax rates"),
        SetupGroup.SELLING,
        url=lambda: reverse("admin:commerce_taxrate_changelist"),
        check=taxes,
    ),
    SetupItem("stripe", gettext_lazy("Stripe"), SetupGroup.CONNECTIONS, url=str, check=stripe),
    SetupItem(
        "webhook",
        gettext_lazy("Stripe's messages arrive"),
        SetupGroup.CONNECTIONS,
        url=lambda: reverse("admin:commerce_webhookevent_changelist"),
        check=webhook,
    ),
]
