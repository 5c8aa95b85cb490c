"""The link in marketing mail and summaries that stops them (RFC 8058): signed, for one person, company and type."""

from dataclasses import dataclass

from django.core import signing
from django.urls import reverse

from accounts.models import Account, DigestEvery, MailTimes, User
from accounts.notifications.choices import stop_mail
from accounts.notifications.types import NotificationType, types
from accounts.scope import system_scope

_SALT = "accounts.unsubscribing"


class BadLink(Exception):
    """Not a link that we gave, or of something that is no more."""


@dataclass(frozen=True)
class Subscription:
    """What the link is about. It never expires: mail is read late."""

    user: User
    account: Account
    kind: type[NotificationType]


def unsubscribe_token(*, user_id: int, account_id: int, kind: str) -> str:
    return signing.Signer(salt=_SALT).sign_object([user_id, account_id, kind])


def unsubscribe_path(*, user_id: int, account_id: int, kind: str) -> str:
    token = unsubscribe_token(user_id=user_id, account_id=account_id, kind=kind)
    return reverse("accounts:unsubscribe", args=[token])


def subscription_of(token: str) -> Subscription:
    """Raises `BadLink`."""
    try:
        user_id, account_id, kind = signing.Signer(salt=_SALT).unsign_object(token)
        user = User.objects.select_related("merged_into").get(pk=user_id)
        # Of an entry that was joined with another, the mail goes on there.
        return Subscription(user.merged_into or user, Account.objects.get(pk=account_id), types()[kind])
    except (signing.BadSignature, User.DoesNotExist, Account.DoesNotExist, KeyError, ValueError, TypeError) as error:
        raise BadLink from error


def unsubscribe(subscription: Subscription) -> None:
    """No more mail of that type; of the summary, none for any company. Doing it twice changes nothing."""
    with system_scope(subscription.account.pk):
        if subscription.kind.name == "digest":
            MailTimes.objects.update_or_create(user=subscription.user, defaults={"digest_every": DigestEvery.NEVER})
        else:
            stop_mail(account_id=subscription.account.pk, user_id=subscription.user.pk, kind=subscription.kind)
