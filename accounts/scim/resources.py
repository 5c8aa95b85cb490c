"""The resources of the protocol, made from rows. `scim2_models` knows the schemas, the filters and the patches."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    EnterpriseUser,
    ETag,
    Filter,
    Group,
    GroupMember,
    Meta,
    Patch,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)
from scim2_models.resources.user import Email, GroupMembership, Name

from accounts.models import Membership, ScimGroup, ScimUser

PortalUser = User[EnterpriseUser]
MOST_RESULTS = 500  # Of one answer; more come page by page.

# What directories send that the RFC does not say, and mean well by: Entra above all.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


def provider(base: str) -> ScimProvider:
    """What this service offers, as its discovery pages say. `base` is the address that everything lies below."""
    types = [ResourceType.from_resource(PortalUser), ResourceType.from_resource(Group)]
    for one in types:
        one.meta = Meta(resource_type="ResourceType", location=f"{base}/ResourceTypes/{one.name}")
    return ScimProvider([User, EnterpriseUser, Group], types, service_config(base), POLICY)


def service_config(base: str) -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=False),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token that an administrator of the company has made in the portal",
                primary=True,
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{base}/ServiceProviderConfig"),
    )


def base_of(url: str) -> str:
    """The service's address below the portal's own."""
    return f"{url}{reverse('scim:config').removesuffix('/ServiceProviderConfig')}"


def user_resource(member: Membership, base: str) -> "User[EnterpriseUser]":
    """A member as the directory knows them: what it sent, under what the portal itself knows today."""
    person = member.user
    sent: ScimUser | None = getattr(member, "scim_user", None)
    resource = PortalUser.model_validate(sent.document) if sent and sent.document else PortalUser()
    resource.id = str(member.public_id)
    resource.external_id = (sent and sent.external_id) or None
    resource.user_name = sent.user_name if sent else person.email
    if sent is None:
        resource.display_name = person.name
    # What the portal knows better: a name or an address that was changed there since.
    if name_of(resource) != person.name and (sent is None or name_of(resource)):
        resource.name = Name(formatted=person.name)
    if email_of(resource) != person.email or sent is None:
        resource.emails = [Email(value=person.email, type=Email.Type("work"), primary=True)]
    resource.active = member.is_active
    resource.title = person.job_title or None
    if member.department or resource[EnterpriseUser]:
        enterprise = resource[EnterpriseUser] or EnterpriseUser()
        enterprise.department = member.department or None
        resource[EnterpriseUser] = enterprise
    resource.groups = [
        GroupMembership(value=str(group.public_id), display=group.display_name, ref=f"{base}/Groups/{group.public_id}")
        for group in member.scim_groups.all()
    ] or None
    resource.meta = Meta(
        resource_type="User",
        created=sent.created_at if sent else member.created_at,
        last_modified=sent.updated_at if sent else member.created_at,
        location=f"{base}/Users/{member.public_id}",
    )
    return resource


def name_of(resource: "User[EnterpriseUser]") -> str:
    """The person's name in one piece; empty where the directory gives none."""
    name = resource.name
    if name and name.formatted:
        return name.formatted
    if name and (name.given_name or name.family_name):
        return " ".join(filter(None, [name.given_name, name.family_name]))
    return resource.display_name or ""


def email_of(resource: "User[EnterpriseUser]") -> str:
    """The address that the person signs in with: the primary one, else a user name that is one, else the first."""
    emails = [email for email in resource.emails or () if email.value]
    user_name = resource.user_name or ""
    primary = next((str(email.value) for email in emails if email.primary), "")
    found = primary or (user_name if "@" in user_name else "") or next((str(email.value) for email in emails), "")
    return found.strip().lower()


def document_of(resource: "User[EnterpriseUser]") -> dict[str, Any]:
    """What is kept of a resource: all but what is derived, and never a password."""
    kept: dict[str, Any] = resource.model_dump(mode="json")
    for name in ("id", "externalId", "userName", "active", "groups", "meta", "password"):
        kept.pop(name, None)
    return kept


def group_resource(group: ScimGroup, base: str) -> Group:
    members: Iterable[Membership] = group.members.all()
    return Group(
        id=str(group.public_id),
        external_id=group.external_id or None,
        display_name=group.display_name,
        members=[
            GroupMember(
                value=str(member.public_id),
                display=member.user.name,
                type="User",
                ref=f"{base}/Users/{member.public_id}",
            )
            for member in members
        ]
        or None,
        meta=Meta(
            resource_type="Group",
            created=group.created_at,
            last_modified=group.updated_at,
            location=f"{base}/Groups/{group.public_id}",
        ),
    )
