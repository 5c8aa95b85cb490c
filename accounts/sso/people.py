"""Whom an identity provider's answer signs in, and as what."""

import re
from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from accounts import invitations
from accounts.audit import AuditAction, note
from accounts.members import change_member, is_indispensable, lock_company
from accounts.models import Domain, Invitation, Membership, User
from accounts.models.sso import IdentityProvider, Protocol, SsoIdentity, UsedAnswer
from accounts.permissions import Role
from accounts.scope import system_scope
from accounts.sso import oidc, saml
from accounts.sso.answers import Answer, Reason, SsoRefused
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record


@dataclass(frozen=True)
class Decision:
    """What signing in with an answer would do. Nothing has been done yet."""

    email: str
    name: str
    user: User | None  # None: a new person.
    membership: Membership | None  # None: becomes a member.
    roles: list[str]  # Of the membership, as it will be.
    invitation: Invitation | None = None  # By which they become a member: its roles are those that were meant for them.

    @property
    def changes_roles(self) -> bool:
        """Whether a member gets other roles than they had."""
        return self.membership is not None and set(self.roles) != set(self.membership.roles)


def decide(provider: IdentityProvider, answer: Answer, *, now: datetime) -> Decision:
    """Whom the answer signs in. Reads only, as the owner. Raises `SsoRefused`."""
    email = _email(provider, answer)
    user = _person(provider, answer, email)
    if user is not None:
        if user.is_staff or user.is_superuser:
            raise SsoRefused(Reason.STAFF, user.email)
        if not user.is_active:
            raise SsoRefused(Reason.INACTIVE, user.email)
    name = (answer.first(*_names(provider)) or (user.name if user else "") or email.partition("@")[0])[:150]
    membership = Membership.objects.filter(account=provider.account, user=user).first() if user else None
    if membership is not None:
        if not membership.is_active:
            raise SsoRefused(Reason.INACTIVE, email)
        return Decision(email, name, user, membership, _roles_of_member(provider, answer, membership))
    invitation = invitations.waiting_for(account=provider.account, email=email, now=now)
    if invitation is not None:
        return Decision(email, invitation.name or name, user, None, invitation.roles, invitation)
    if not provider.creates_members:
        raise SsoRefused(Reason.NOT_A_MEMBER, email)
    roles = provider.roles_for(_values(provider, answer))
    if not roles:
        raise _no_role(provider, answer)
    return Decision(email, name, user, None, roles)


def _roles_of_member(provider: IdentityProvider, answer: Answer, member: Membership) -> list[str]:
    """Those they have; where roles follow the identity provider, those that its values say today.

    Whom the company needs as an administrator stays one. Raises `SsoRefused`.
    """
    if not provider.roles_follow:
        return member.roles
    roles = provider.roles_for(_values(provider, answer))
    if Role.ADMINISTRATOR in set(member.roles) - set(roles) and is_indispensable(member):
        roles = [Role.ADMINISTRATOR.value, *roles]
    if not roles:
        raise _no_role(provider, answer)
    return roles


def _values(provider: IdentityProvider, answer: Answer) -> list[str]:
    return answer.attributes.get(provider.roles_attribute, []) if provider.roles_attribute else []


def _no_role(provider: IdentityProvider, answer: Answer) -> SsoRefused:
    return SsoRefused(Reason.NO_ROLE, ", ".join(_values(provider, answer)) or "–")


def sign_in(*, provider: IdentityProvider, answer: Answer, now: datetime) -> User:
    """Make the person a member where they are none, link them to who they are there; the person to sign in.

    The answer has been checked and used up. Raises `SsoRefused`.
    """
    try:
        return _admit(provider, answer, now)
    except (IntegrityError, invitations.DeadLink):  # They came in by two browsers at once: now they are there.
        return _admit(provider, answer, now)


def _admit(provider: IdentityProvider, answer: Answer, now: datetime) -> User:
    with system_scope(provider.account_id):
        if provider.roles_follow:  # Who has to stay an administrator is decided by what others have left.
            lock_company(account=provider.account, by=None)
        decision = decide(provider, answer, now=now)
        user = decision.user or _new_person(decision)
        if decision.invitation is not None:
            invitations.accept_by_address(invitation=decision.invitation, user=user, now=now)
        elif decision.membership is None:
            Membership.objects.create(account=provider.account, user=user, roles=decision.roles)
        elif decision.changes_roles:
            change_member(
                member=decision.membership, roles=decision.roles, department=decision.membership.department,
                by=None, actor=Actor.system(provider.account_id), now=now,
            )  # fmt: skip
        SsoIdentity.objects.update_or_create(
            account=provider.account, provider=provider, subject=answer.subject,
            defaults={"user": user, "last_used_at": now},
        )  # fmt: skip
        record(
            name=EventName.SSO_SIGNED_IN,
            actor=Actor.system(provider.account_id),
            now=now,
            object_type="identity_provider",
            object_id=str(provider.public_id),
            properties={"email": user.email, "is_new": decision.membership is None, "roles": decision.roles},
        )
    return user


def test(*, provider: IdentityProvider, answer: Answer, actor: Actor, now: datetime) -> Decision:
    """What signing in would do, without doing it; that it would succeed is noted. Raises `SsoRefused`."""
    with system_scope(provider.account_id):
        decision = decide(provider, answer, now=now)
        IdentityProvider.objects.filter(pk=provider.pk).update(tested_at=now)
        _note(AuditAction.SSO_TESTED, provider, actor, now)
    return decision


def use_up(*, provider: IdentityProvider, answer: Answer, now: datetime) -> None:
    """Have the answer count once; the company's answers that nobody would accept any more are forgotten.

    Raises `SsoRefused`.
    """
    with system_scope(provider.account_id):
        UsedAnswer.objects.filter(account_id=provider.account_id, expires_at__lt=now).delete()
        if not UsedAnswer.note(account_id=provider.account_id, answer_id=answer.id, expires_at=answer.expires_at):
            raise SsoRefused(Reason.REPLAYED)


def note_refusal(*, provider: IdentityProvider, refusal: SsoRefused, tester: Actor | None, now: datetime) -> None:
    """Record what was refused, so that the company's administrator finds it when somebody complains.

    `tester` is who tested; None: somebody really came to sign in.
    """
    with system_scope(provider.account_id):
        record(
            name=EventName.SSO_REFUSED,
            actor=Actor.system(provider.account_id),
            now=now,
            object_type="identity_provider",
            object_id=str(provider.public_id),
            properties={"reason": refusal.reason.value, "detail": refusal.detail, "is_test": tester is not None},
        )
        action = AuditAction.SSO_TEST_REFUSED if tester else AuditAction.SSO_REFUSED
        _note(
            action,
            provider,
            tester or Actor.system(provider.account_id),
            now,
            reason=refusal.reason.value,
            detail=_without_names(refusal.detail),
        )


def _note(action: AuditAction, provider: IdentityProvider, actor: Actor, now: datetime, **details: str) -> None:
    note(
        action=action,
        actor=actor,
        now=now,
        account_id=provider.account_id,
        object_type="accounts.identityprovider",
        object_id=str(provider.public_id),
        object_label=provider.get_protocol_display(),
        details=details,
    )


def _without_names(text: str) -> str:
    """The audit log keeps nobody's address; the domain says enough to find a mistake in what was set up."""
    return re.sub(r"[^\s@“(]+@", "…@", text)


def _names(provider: IdentityProvider) -> tuple[str, ...]:
    if provider.name_attribute:
        return (provider.name_attribute,)
    return saml.NAME if provider.protocol == Protocol.SAML else (oidc.NAME,)


def _email(provider: IdentityProvider, answer: Answer) -> str:
    """The person's address, at one of the company's verified domains."""
    if provider.email_attribute:
        names: tuple[str, ...] = (provider.email_attribute,)
    else:
        names = (*saml.EMAIL, saml.NAME_ID) if provider.protocol == Protocol.SAML else (oidc.EMAIL,)
    email = answer.first(*names).strip().lower()
    try:
        User._meta.get_field("email").clean(email, None)
    except ValidationError as error:
        raise SsoRefused(Reason.NO_EMAIL, names[0]) from error
    _check_domain(provider, email)
    return email


def _is_of_company(provider: IdentityProvider, email: str) -> bool:
    return Domain.objects.verified().for_account(provider.account).of_email(email).exists()


def _check_domain(provider: IdentityProvider, email: str) -> None:
    if not _is_of_company(provider, email):
        raise SsoRefused(Reason.OUTSIDE_DOMAINS, email)


def _person(provider: IdentityProvider, answer: Answer, email: str) -> User | None:
    """Whoever is linked to the subject, and otherwise whoever has the address.

    The linked person's own address must be the company's too: it may have changed since.
    """
    linked = (
        SsoIdentity.objects.filter(account=provider.account, provider=provider, subject=answer.subject)
        .select_related("user")
        .first()
    )
    if linked is not None:
        _check_domain(provider, linked.user.email)
        return linked.user
    found = User.objects.with_address(email)
    if found is not None and found.email != email and not _is_of_company(provider, found.email):
        raise SsoRefused(Reason.FURTHER_ADDRESS, email)  # Which one they sign in with is nothing to be told here.
    return found


def _new_person(decision: Decision) -> User:
    user = User.objects.create_user(decision.email, None, name=decision.name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
