"""The terms of service: publishing a version, showing it in the reader's language, and that somebody accepted it."""

import hashlib
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Subquery
from django.db.models.functions import Now
from django.utils.translation import get_language

from accounts.audit import AuditAction, note
from accounts.models import Membership, TermsAcceptance, TermsText, TermsVersion, User
from accounts.permissions import Role
from tracking.actor import Actor


class NoText(Exception):
    """A version without words, or without English ones, can't be published."""


class AlreadyPublished(Exception):
    """A published version stays as it is; what changes is a new version."""


def terms_in_force() -> Subquery:
    """The version that counts now, to be read along with something else: no request pays a query for it."""
    begun = TermsVersion.objects.filter(published_at__isnull=False, effective_at__lte=Now())
    return Subquery(begun.order_by("-effective_at", "-pk").values("pk")[:1])


def current(now: datetime) -> TermsVersion | None:
    return TermsVersion.objects.in_force(now).first()


def text_for(terms: TermsVersion, language: str | None = None) -> TermsText:
    """The words in the reader's language, or in English. Raises `NoText`."""
    texts = {text.language: text for text in terms.texts.all()}
    wanted = (language or get_language() or "en").split("-")[0]
    text = texts.get(wanted) or texts.get("en") or next(iter(texts.values()), None)
    if text is None:
        raise NoText
    return text


def hash_of(text: TermsText) -> str:
    return hashlib.sha256(f"{text.terms.version}\n{text.language}\n{text.body}".encode()).hexdigest()


def publish(*, terms: TermsVersion, by: User, now: datetime) -> None:
    """Put a version in force from its day on: everybody is asked again then.

    Raises `AlreadyPublished`, `NoText`.
    """
    if terms.published_at is not None:
        raise AlreadyPublished
    if not terms.texts.filter(language="en").exists():
        raise NoText
    terms.published_at, terms.published_by = now, by
    terms.save(update_fields=["published_at", "published_by"])
    note(
        action=AuditAction.TERMS_PUBLISHED,
        actor=Actor.staff(by.pk),
        now=now,
        object_type="accounts.termsversion",
        object_id=str(terms.pk),
        object_label=terms.version,
    )


def accept(
    *, terms: TermsVersion, text: TermsText, membership: Membership, actor: Actor, ip: str, now: datetime
) -> None:
    """Keep that somebody accepted these words, once; for their company too where an administrator binds it."""
    if TermsAcceptance.objects.filter(user=membership.user, terms=terms).exists():
        return
    is_administrator = Role.ADMINISTRATOR in membership.roles and not membership.is_of_parent
    for_company = terms.binds_company and is_administrator
    accepted = TermsAcceptance(
        terms=terms,
        user=membership.user,
        company_id=membership.account_id if for_company else None,
        language=text.language,
        text_hash=hash_of(text),
        accepted_at=now,
        ip=ip or None,
    )
    try:
        with transaction.atomic():
            accepted.save(force_insert=True)
    except IntegrityError:  # The form was sent twice at once: the other one is kept.
        return
    note(
        action=AuditAction.TERMS_ACCEPTED,
        actor=actor,
        now=now,
        object_type="accounts.termsversion",
        object_id=str(terms.pk),
        object_label=terms.version,
        details={"for_company": for_company},
        ip=ip,
    )
