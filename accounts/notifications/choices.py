"""How somebody is to be told: their own choice, else their company's, else the type's default."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from accounts.models import Account, ByMail, Membership, NotificationChoice, User
from accounts.notifications.types import Category, NotificationType, names_for, types


@dataclass(frozen=True)
class Channels:
    """The ways to tell somebody something."""

    in_bell: bool
    by_mail: ByMail


def settle(
    kind: type[NotificationType], *, own: NotificationChoice | None, company: NotificationChoice | None
) -> Channels:
    """What holds. What is not optional is always told; what can't wait is sent at once instead of in a summary."""
    chosen = own or company
    if chosen is None or not kind.is_optional:
        return Channels(in_bell=kind.in_bell and bool(kind.line), by_mail=kind.by_mail)
    by_mail = ByMail(chosen.by_mail)
    if by_mail == ByMail.DIGEST and not kind.may_be_digested:
        by_mail = ByMail.NOW
    return Channels(in_bell=chosen.in_bell and bool(kind.line), by_mail=by_mail)


def channels_of(kind: type[NotificationType], account: Account | int, users: Iterable[User]) -> dict[int, Channels]:
    """By person. One query."""
    ids = [user.pk for user in users]
    found = NotificationChoice.objects.filter(Q(user__in=ids) | Q(user=None), account=account, kind=kind.name)
    by_user: dict[int | None, NotificationChoice] = {choice.user_id: choice for choice in found}
    return {pk: settle(kind, own=by_user.get(pk), company=by_user.get(None)) for pk in ids}


def choices_of(membership: Membership, *, for_company: bool = False) -> list[tuple[type[NotificationType], Channels]]:
    """Every type that the person may be told of, and how they are, in the order of the categories.

    With `for_company`, what the company suggests instead of what the person chose.
    """
    names = [name for name in names_for(membership) if types()[name].is_chosen]
    found = NotificationChoice.objects.for_account(membership.account).filter(
        Q(user=None) if for_company else Q(user=membership.user_id) | Q(user=None), kind__in=names
    )
    by_key = {(choice.user_id, choice.kind): choice for choice in found}
    shown = sorted((types()[name] for name in names), key=lambda one: list(Category).index(one.category))
    return [
        (
            kind,
            settle(
                kind,
                own=None if for_company else by_key.get((membership.user_id, kind.name)),
                company=by_key.get((None, kind.name)),
            ),
        )
        for kind in shown
    ]


def choose(*, membership: Membership, chosen: Mapping[str, Channels], for_company: bool = False) -> None:
    """Keep what the person chose, by name of type; what can't be chosen is left out."""
    rows = [
        NotificationChoice(
            account=membership.account,
            user_id=None if for_company else membership.user_id,
            kind=name,
            in_bell=channels.in_bell,
            by_mail=channels.by_mail,
        )
        for name, channels in chosen.items()
        if types()[name].is_optional
    ]
    _keep(rows)


def stop_mail(*, account_id: int, user_id: int, kind: type[NotificationType]) -> None:
    """No more mail of this type to the person; the bell stays as it was."""
    user = User(pk=user_id)
    channels = channels_of(kind, account_id, [user])[user_id]
    _keep(
        [
            NotificationChoice(
                account_id=account_id, user_id=user_id, kind=kind.name, in_bell=channels.in_bell, by_mail=ByMail.OFF
            )
        ]
    )


def _keep(rows: list[NotificationChoice]) -> None:
    options: dict[str, Any] = {"unique_fields": ["account", "user", "kind"], "update_fields": ["in_bell", "by_mail"]}
    NotificationChoice.objects.bulk_create(rows, update_conflicts=True, **options)
