"""What a company's directory does with its people and groups, and what its administrator allows it.

Every change takes the company's row first, as all changes of its people do. Nobody is ever deleted: who leaves the
directory can no longer come in, and what they did stays.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Prefetch
from scim2_models import (
    ConflictException,
    EnterpriseUser,
    Group,
    InvalidValueException,
    NotFoundException,
    UniquenessException,
)

from accounts.members import (
    EmergencyAdministrator,
    Indispensable,
    change_member,
    deactivate_member,
    lock_company,
    reactivate_member,
)
from accounts.models import (
    Account,
    Domain,
    Membership,
    MembershipQuerySet,
    ScimGroup,
    ScimGroupMember,
    ScimToken,
    ScimUser,
    User,
)
from accounts.models.provisioning import ScimGroupQuerySet, digest_of
from accounts.permissions import Role
from accounts.scim.resources import PortalUser, document_of, email_of, name_of
from tracking.actor import Actor
from tracking.models import EventName
from tracking.services import record

LONGEST = 254  # Characters of a name or an id.
MOST_TOKENS = 2  # One in use, and one more while it is being changed.
NOTE_USE_EVERY = timedelta(minutes=5)


class TooManyTokens(Exception):
    """Two are valid already; one of them must be revoked first."""


# The token


def issue_token(*, account: Account, by: User, actor: Actor, now: datetime) -> str:
    """Make a token and return its secret, which is not kept. Raises `TooManyTokens`."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    if ScimToken.objects.for_account(account).valid().count() >= MOST_TOKENS:
        raise TooManyTokens
    token, secret = ScimToken.make(account=account, created_by=by, created_at=now)
    token.save()
    _record(EventName.SCIM_TOKEN_ISSUED, actor, now, "scim_token", token.public_id)
    return secret


def revoke_token(*, token: ScimToken, actor: Actor, now: datetime) -> None:
    """From now on the directory is refused with it. Revoking twice is once."""
    if ScimToken.objects.for_account(token.account).valid().filter(pk=token.pk).update(revoked_at=now):
        _record(EventName.SCIM_TOKEN_REVOKED, actor, now, "scim_token", token.public_id)


def token_of(secret: str, *, now: datetime) -> ScimToken | None:
    """The valid token with this secret; that it was used is noted."""
    token = ScimToken.objects.valid().select_related("account").filter(digest=digest_of(secret)).first()
    if token and (token.last_used_at is None or now - token.last_used_at > NOTE_USE_EVERY):
        ScimToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


# People


def people(account: Account) -> MembershipQuerySet:
    """Whom the directory sees: every member but those that it has deleted."""
    return (
        Membership.objects.for_account(account)
        .exclude(scim_user__deleted_at__isnull=False)
        .select_related("account", "user", "scim_user")
        .prefetch_related(Prefetch("scim_groups", ScimGroup.objects.for_account(account)))
        .order_by("pk")
    )


def person(account: Account, public_id: str) -> Membership:
    """Raises `NotFoundException`."""
    found = people(account).filter(public_id=_id(public_id)).first()
    if found is None:
        raise NotFoundException(detail=f"There is no user with the id {public_id}")
    return found


def create_person(*, account: Account, resource: PortalUser, now: datetime) -> Membership:
    """Take somebody into the company, or take them back whom the directory had deleted.

    Raises `UniquenessException` for somebody who is there already or signs in with an address of somebody else's
    domain, `InvalidValueException` for an address outside the company's verified domains.
    """
    lock_company(account=account, by=None)
    user = _find_or_make(account, _checked_email(account, resource), resource)
    member = Membership.objects.for_account(account).filter(user=user).first()
    if member is None:
        member = Membership.objects.create(account=account, user=user, roles=[Role.VIEWER], created_at=now)
        actor = Actor.system(account.pk)
        _record(EventName.MEMBER_PROVISIONED, actor, now, "membership", member.public_id)
    elif not ScimUser.objects.filter(membership=member, deleted_at__isnull=False).exists():
        raise UniquenessException(detail=f"{user.email} is a member of this company already")
    return replace_person(member=member, resource=resource, now=now)


def replace_person(*, member: Membership, resource: PortalUser, now: datetime) -> Membership:
    """Make the member what the resource says: name, address, title, department, and whether they may come in.

    Raises `ConflictException` where the company needs them as an administrator, `InvalidValueException`,
    `UniquenessException`.
    """
    account = member.account
    lock_company(account=account, by=None)
    # A directory that no longer names an address leaves the one that the person has.
    email = _checked_email(account, resource) if email_of(resource) else member.user.email
    if _is_of_company(account, member.user.email):
        _change_user(member.user, email, resource)
    elif email != member.user.email:
        # Somebody invited from elsewhere, who may work for other companies too: whoever gives them an address of
        # their own signs in as them.
        raise InvalidValueException(
            detail=f"{member.user.email} is not of a domain of this company: only the person can change the address"
        )
    _keep_document(member, resource, now)
    enterprise = resource[EnterpriseUser]
    department = ((enterprise and enterprise.department) or "")[:80]
    _change(member, roles=member.roles, department=department, now=now)
    _admit(member, is_active=resource.active is not False, now=now)
    return person(account, str(member.public_id))


def remove_person(*, member: Membership, now: datetime) -> None:
    """The directory has deleted them: they can no longer come in. Raises `ConflictException`."""
    lock_company(account=member.account, by=None)
    _admit(member, is_active=False, now=now)
    for group in member.scim_groups.all():
        _set_members(group, set(group.members.all()) - {member}, now)
    # Their name is free again, as RFC 7644 (3.6) has it: somebody else may come by it, or has it already.
    gone = {"account": member.account, "user_name": str(member.public_id), "deleted_at": now, "updated_at": now}
    ScimUser.objects.update_or_create(membership=member, defaults=gone, create_defaults=gone | {"created_at": now})


def _checked_email(account: Account, resource: PortalUser) -> str:
    email = email_of(resource)
    if not email:
        raise InvalidValueException(detail="The user needs an e-mail address, as emails[].value or as userName")
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidValueException(detail=f"{email[:100]} is not an e-mail address") from error
    _check_lengths(email=email)
    if not _is_of_company(account, email):
        raise InvalidValueException(detail=f"{email} is not of a domain that this company has verified in the portal")
    return email


def _is_of_company(account: Account, email: str) -> bool:
    return Domain.objects.for_account(account).verified().of_email(email).exists()


def _check_lengths(**values: str) -> None:
    """Raises `InvalidValueException` for what has no room."""
    for name, value in values.items():
        if len(value) > LONGEST:
            raise InvalidValueException(detail=f"{name} has more than {LONGEST} characters")


def _find_or_make(account: Account, email: str, resource: PortalUser) -> User:
    user = User.objects.with_address(email)
    if user is None:
        return _make(email, name=name_of(resource)[:150] or email)
    if user.is_staff:
        raise UniquenessException(detail=f"{email} cannot be a member of a company")
    if user.email != email and not _is_of_company(account, user.email):
        # Theirs by a further address alone: a directory has no say about who signs in with an address of others. Which
        # one that is, is nothing for it to know.
        raise UniquenessException(
            detail=f"{email} is a further address of somebody who signs in with another one: invite them in the portal,"
            " or have them take the address from their account first"
        )
    return user


def _make(email: str, *, name: str) -> User:
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, name=name)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    except IntegrityError as error:  # They came in by another way this very moment.
        raise UniquenessException(detail=f"{email} belongs to somebody by now: ask for them") from error
    return user


def _change_user(user: User, email: str, resource: PortalUser) -> None:
    phones = [phone.value for phone in resource.phone_numbers or () if phone.value]
    wanted = {
        "name": name_of(resource)[:150] or user.name,
        "job_title": (resource.title or "")[:100],
        "phone": str(phones[0])[:40] if phones else user.phone,
    }
    changed = [field for field, value in wanted.items() if getattr(user, field) != value]
    for field in changed:
        setattr(user, field, wanted[field])
    if user.email != email:
        if User.objects.with_address(email) not in (None, user):
            raise UniquenessException(detail=f"{email} belongs to somebody else")
        user.email = email
        changed.append("email")
    if not changed:
        return
    try:
        with transaction.atomic():
            if "email" in changed:
                _verify(user)
            user.save(update_fields=changed)
    except IntegrityError as error:  # Since it was asked for a moment ago.
        raise UniquenessException(detail=f"{email} belongs to somebody else") from error


def _verify(user: User) -> None:
    """Their directory vouches for the address that they have from now on."""
    EmailAddress.objects.filter(user=user).update(primary=False)
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def _keep_document(member: Membership, resource: PortalUser, now: datetime) -> None:
    _check_lengths(userName=resource.user_name or "", externalId=resource.external_id or "")
    kept: dict[str, Any] = {
        "account": member.account,
        "user_name": resource.user_name or member.user.email,
        "external_id": resource.external_id or "",
        "document": document_of(resource),
        "updated_at": now,
        "deleted_at": None,
    }
    try:
        with transaction.atomic():
            ScimUser.objects.update_or_create(
                membership=member, defaults=kept, create_defaults=kept | {"created_at": now}
            )
    except IntegrityError as error:
        raise UniquenessException(detail=f"The userName {resource.user_name} is taken") from error


def _admit(member: Membership, *, is_active: bool, now: datetime) -> None:
    change = reactivate_member if is_active else deactivate_member
    if member.is_active == is_active:
        return
    try:
        change(member=member, by=None, actor=Actor.system(member.account_id), now=now)
    except Indispensable as error:
        raise _conflict(error) from error


def _change(member: Membership, *, roles: Iterable[str], department: str, now: datetime) -> None:
    actor = Actor.system(member.account_id)
    try:
        change_member(member=member, roles=roles, department=department, by=None, actor=actor, now=now)
    except Indispensable as error:
        raise _conflict(error) from error


def _conflict(error: Indispensable) -> ConflictException:
    if isinstance(error, EmergencyAdministrator):
        return ConflictException(
            detail="This is the company's emergency administrator for single sign-on: name another one in the portal,"
            " or stop requiring single sign-on, first"
        )
    return ConflictException(
        detail="This is the company's last administrator: make somebody else an administrator first"
    )


# Groups


def groups(account: Account) -> ScimGroupQuerySet:
    members = people(account).order_by("user__name", "pk")
    return ScimGroup.objects.for_account(account).prefetch_related(Prefetch("members", members)).order_by("pk")


def group_of(account: Account, public_id: str) -> ScimGroup:
    """Raises `NotFoundException`."""
    found = groups(account).filter(public_id=_id(public_id)).first()
    if found is None:
        raise NotFoundException(detail=f"There is no group with the id {public_id}")
    return found


def create_group(*, account: Account, resource: Group, now: datetime) -> ScimGroup:
    """Raises `UniquenessException` for a name that is taken, `InvalidValueException` for unknown members."""
    lock_company(account=account, by=None)
    group = ScimGroup(account=account, created_at=now, updated_at=now)
    return replace_group(group=group, resource=resource, now=now)


def replace_group(*, group: ScimGroup, resource: Group, now: datetime) -> ScimGroup:
    """Make the group what the resource says; its members get and lose the roles that the administrator gave it.

    Raises `UniquenessException`, `InvalidValueException`, and `ConflictException` where the company would be left
    without an administrator.
    """
    lock_company(account=group.account, by=None)
    group.display_name = resource.display_name or ""
    group.external_id = resource.external_id or ""
    _check_lengths(displayName=group.display_name, externalId=group.external_id)
    group.updated_at = now
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise UniquenessException(detail=f"There is a group named {group.display_name} already") from error
    _set_members(group, _members_of(group.account, resource), now)
    return group_of(group.account, str(group.public_id))


def remove_group(*, group: ScimGroup, now: datetime) -> None:
    """Its members lose what it gave them. Raises `ConflictException`."""
    lock_company(account=group.account, by=None)
    _set_members(group, set(), now)
    group.delete()


def map_roles(*, group: ScimGroup, roles: Iterable[str], actor: Actor, now: datetime) -> None:
    """Decide which roles the members of a group have; they get them at once.

    Raises `ConflictException` where the company would be left without an administrator; then nothing changes.
    """
    with transaction.atomic():
        lock_company(account=group.account, by=None)
        wanted = set(roles)
        was_mapped = bool(group.roles)
        group.roles = [role.value for role in Role if role in wanted]
        group.updated_at = now
        group.save(update_fields=["roles", "updated_at"])
        if group.roles or was_mapped:
            _give_roles(group.account, group.members.all(), now)
        _record(EventName.SCIM_ROLES_MAPPED, actor, now, "scim_group", group.public_id, roles=group.roles)


def _members_of(account: Account, resource: Group) -> set[Membership]:
    wanted = {str(member.value) for member in resource.members or ()}
    try:
        ids = [UUID(value) for value in wanted]
    except ValueError as error:
        raise InvalidValueException(detail="A member's value is the id of a user") from error
    found = {str(one.public_id): one for one in people(account).filter(public_id__in=ids)}
    if missing := wanted - found.keys():
        raise InvalidValueException(detail=f"There is no user with the id {min(missing)}")
    return set(found.values())


def _set_members(group: ScimGroup, wanted: set[Membership], now: datetime) -> None:
    before = set(group.members.all())
    ScimGroupMember.objects.filter(group=group, membership__in=before - wanted).delete()
    ScimGroupMember.objects.bulk_create(
        ScimGroupMember(account_id=group.account_id, group=group, membership=member) for member in wanted - before
    )
    if group.roles:
        _give_roles(group.account, before ^ wanted, now)


def _give_roles(account: Account, members: Iterable[Membership], now: datetime) -> None:
    """To each the roles of their groups; who has none any more stays as a viewer."""
    chosen = [member.pk for member in members]
    for member in Membership.objects.for_account(account).filter(pk__in=chosen).prefetch_related("scim_groups"):
        roles = {role for group in member.scim_groups.all() for role in group.roles}
        _change(member, roles=roles or {Role.VIEWER}, department=member.department, now=now)


def _id(public_id: str) -> UUID:
    try:
        return UUID(public_id)
    except ValueError as error:
        raise NotFoundException(detail=f"There is nothing with the id {public_id}") from error


def _record(name: EventName, actor: Actor, now: datetime, kind: str, public_id: object, **properties: object) -> None:
    record(name=name, actor=actor, now=now, object_type=kind, object_id=str(public_id), properties=properties)
