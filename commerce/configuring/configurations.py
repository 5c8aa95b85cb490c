"""Configurations that people keep: what they typed last, what they saved and shared, and what they left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Membership, User
from accounts.notifications import notify
from commerce.configuring.situations import Configuration, Situation, plain
from commerce.contracts.contracts import line_label
from commerce.models import (
    ConfigurationShare,
    ConfigurationSource,
    ConfiguratorStep,
    Product,
    Quote,
    SavedConfiguration,
)
from commerce.pricing.quote import PricedQuote
from tracking.actor import Actor
from tracking.models import Event, EventName
from tracking.services import build_event, record

IDLE = timedelta(days=3)  # Without a change for so long, and without a quote, it counts as left.
KEPT = timedelta(days=365)  # What was typed goes so long after its last change.
BATCH = 500


class NameTaken(Exception):
    """The person has saved another configuration under this name."""


@dataclass(frozen=True)
class Typed:
    """What somebody has put together so far, and what it would cost if it can be priced."""

    configuration: Configuration
    priced: PricedQuote | None
    source: ConfigurationSource = ConfigurationSource.SCRATCH
    step: ConfiguratorStep = ConfiguratorStep.ALL

    @property
    def monthly_change_minor(self) -> int | None:
        """Before tax."""
        priced = self.priced
        return None if priced is None else priced.monthly_net_minor - priced.monthly_net_before_minor


def keep_typed(*, situation: Situation, user: User, typed: Typed, now: datetime) -> None:
    """Note what somebody types as theirs, in the place of what they typed before. One query."""
    SavedConfiguration.objects.bulk_create(
        [
            SavedConfiguration(
                account=situation.account,
                contract=situation.contract,
                created_by=user,
                name="",
                configuration=typed.configuration.as_json(),
                source=typed.source,
                step=typed.step,
                monthly_change_minor=typed.monthly_change_minor,
                currency=situation.contract.currency,
                created_at=now,
                updated_at=now,
            )
        ],
        update_conflicts=True,
        unique_fields=["account", "contract", "created_by", "name"],
        update_fields=[
            "configuration", "source", "step", "monthly_change_minor", "currency", "updated_at", "quote",
            "abandoned_at", "deleted_at",
        ],
    )  # fmt: skip


def last_typed(situation: Situation, user: User) -> SavedConfiguration | None:
    """What the person typed last and made no quote of, unless it is what the company has anyway. One query."""
    typed = SavedConfiguration.objects.for_account(situation.account).running().visible_to(user)
    found = typed.filter(contract=situation.contract, created_by=user).first()
    if found is None or found.configuration == situation.current.as_json():
        return None
    return found


def save(
    *,
    situation: Situation,
    user: User,
    actor: Actor,
    typed: Typed,
    name: str,
    now: datetime,
    changes: SavedConfiguration | None = None,
) -> SavedConfiguration:
    """Keep a configuration under a name, or write over the saved one that it `changes`. Raises `NameTaken`."""
    saved = changes or SavedConfiguration(
        account=situation.account, contract=situation.contract, created_by=user, created_at=now
    )
    saved.name = name
    saved.configuration = typed.configuration.as_json()
    saved.source, saved.step = typed.source, typed.step
    saved.monthly_change_minor = typed.monthly_change_minor
    saved.currency = situation.contract.currency
    saved.updated_at = now
    saved.quote = None  # A quote of what stood there before is no quote of this.
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError as error:
        raise NameTaken(_("You have saved another configuration as “%(name)s”.") % {"name": name}) from error
    _record(EventName.CONFIGURATION_SAVED, saved, actor=actor, now=now)
    return saved


def share(
    *, saved: SavedConfiguration, colleague: Membership, actor: Actor, by: User, now: datetime
) -> ConfigurationShare:
    """Let a colleague see it, and tell them. A second time changes nothing, and nobody is told again."""
    shared, is_new = ConfigurationShare.objects.get_or_create(
        account_id=saved.account_id, configuration=saved, user=colleague.user, defaults={"shared_at": now}
    )
    taken_back = ConfigurationShare.objects.filter(pk=shared.pk, ended_at__isnull=False)
    is_again = taken_back.update(shared_at=now, ended_at=None)
    if is_new or is_again:
        _record(EventName.CONFIGURATION_SHARED, saved, actor=actor, now=now)
        notify(
            kind="configuration_shared",
            to=[colleague.user],
            account=saved.account,
            context={"configuration": saved, "shared_by": by},
        )
    return shared


def stop_sharing(*, saved: SavedConfiguration, email: str, now: datetime) -> bool:
    """A colleague sees it no longer; nobody is told. Whether they did until now."""
    shares = ConfigurationShare.objects.running().filter(configuration=saved, user__email__iexact=email)
    return bool(shares.update(ended_at=now))


def delete(*, saved: SavedConfiguration, now: datetime) -> None:
    """Nobody sees it any more, those with whom it was shared neither; a job removes the row.

    Its name is free again at once.
    """
    saved.name = f"{saved.name[:40]} {saved.public_id}"[:80]
    saved.deleted_at = now
    saved.save(update_fields=["name", "deleted_at"])


def note_quote(quote: Quote) -> None:
    """Configurations of the contract that have become this quote: what its maker typed, and what is saved alike."""
    SavedConfiguration.objects.filter(
        Q(name="", created_by=quote.created_by_id) | ~Q(name=""),
        contract=quote.contract_id,
        configuration=quote.configuration,
        deleted_at__isnull=True,
    ).update(quote=quote)


def note_abandoned(now: datetime) -> int:
    """Mark what was left without a quote, and record it for the company; the number marked."""
    left = SavedConfiguration.objects.running().filter(abandoned_at__isnull=True, updated_at__lte=now - IDLE)
    marked = 0
    while True:
        with transaction.atomic():
            batch = list(left.select_for_update(skip_locked=True, of=("self",)).order_by("updated_at", "pk")[:BATCH])
            if not batch:
                return marked
            SavedConfiguration.objects.filter(pk__in=[one.pk for one in batch]).update(abandoned_at=now)
            events = [_abandoned_event(one, now) for one in batch]
            Event.objects.bulk_create(events)
        marked += len(batch)


def remove_old(now: datetime) -> int:
    """Remove what was deleted, and what was typed long ago; the number removed."""
    old = SavedConfiguration.objects.filter(Q(deleted_at__lte=now - IDLE) | Q(name="", updated_at__lte=now - KEPT))
    removed, _by_model = old.delete()
    return removed


# In words


def products_of(configurations: Iterable[SavedConfiguration]) -> Mapping[str, Product]:
    """The products that are named, by code. One query."""
    return products_named(code for one in configurations for code in _codes(one.configuration))


def products_named(codes: Iterable[str]) -> Mapping[str, Product]:
    """The products with these codes, by code. One query."""
    return {product.code: product for product in Product.objects.filter(code__in=set(codes))}


def in_words(configuration: Configuration, products: Mapping[str, Product]) -> str:
    """Business, 60 seats · Single sign-on. What is no product any more is left out."""
    wanted = [(configuration.plan, configuration.seats), *configuration.addons.items()]
    named = [line_label(products[code], Decimal(count)) for code, count in wanted if code in products and count]
    return " · ".join(named)


def in_codes(configuration: Configuration) -> str:
    """business × 60, sso × 1: for lists of the staff, without a query."""
    wanted = [(configuration.plan, configuration.seats), *configuration.addons.items()]
    return ", ".join(f"{code} × {plain(count)}" for code, count in wanted if count)


def _codes(configuration: Mapping[str, object]) -> Iterable[str]:
    read = Configuration.from_json(configuration)
    return (read.plan, *read.addons)


def _record(name: EventName, saved: SavedConfiguration, *, actor: Actor, now: datetime) -> None:
    record(name=name, actor=actor, now=now, object_type="configuration", object_id=str(saved.public_id))


def _abandoned_event(left: SavedConfiguration, now: datetime) -> Event:
    return build_event(
        name=EventName.CONFIGURATION_ABANDONED,
        actor=Actor.system(left.account_id),
        now=now,
        object_type="configuration",
        object_id=str(left.public_id),
        properties={
            "user": left.created_by_id,
            "step": left.step,
            "source": left.source,
            "configuration": left.configuration,
            "monthly_change_minor": left.monthly_change_minor,
            "currency": left.currency,
        },
    )
