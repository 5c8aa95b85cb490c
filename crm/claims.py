"""Claim links to people whom the CRM knows already: whoever takes one is that contact, and no second one is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.claims import send_claim
from accounts.models import Account, Invitation, Membership
from crm import mapping
from crm.client import Crm
from crm.models import Link, SyncedObject
from tracking.actor import Actor

MOST = 200  # Contacts offered of one company.

Record = Mapping[str, Any]  # Of Salesforce.


class InPortalAlready(Exception):
    """The contact is somebody who uses the portal."""


@dataclass(frozen=True)
class Contact:
    """A company's contact over there that has an address."""

    crm_id: str
    name: str
    email: str  # Lower case.
    title: str
    is_in_portal: bool


def crm_id_of(account: Account) -> str:
    """The company's id over there; empty: Salesforce has not heard of it."""
    link = Link.objects.filter(object=SyncedObject.ACCOUNT, external_id=account.public_id).first()
    return link.crm_id if link else ""


def fetch_contacts(*, crm: Crm, account_id: str) -> list[Record]:
    """The contacts of the company with this id over there, as they are now. Raises CrmError."""
    fields = ", ".join(["Id", "Name", "Email", "Title", mapping.EXTERNAL_ID])
    where = f"AccountId = '{account_id}' AND Email != null"
    soql = f"SELECT {fields} FROM Contact WHERE {where} ORDER BY LastName, Id LIMIT {MOST}"  # noqa: S608  # Our own id.
    return list(crm.query(soql))


def contacts_in(records: list[Record]) -> list[Contact]:
    """Who of them is in the portal already. Two queries."""
    linked = Link.objects.filter(object=SyncedObject.CONTACT, crm_id__in=[record["Id"] for record in records])
    ours = dict(linked.values_list("crm_id", "external_id"))
    ids = {record["Id"]: ours.get(record["Id"]) or _uuid(record.get(mapping.EXTERNAL_ID)) for record in records}
    known = set(Membership.objects.filter(public_id__in=filter(None, ids.values())).values_list("public_id", flat=True))
    return [
        Contact(
            crm_id=record["Id"],
            name=str(record.get("Name") or "")[:150],
            email=str(record["Email"]).lower(),
            title=str(record.get("Title") or ""),
            is_in_portal=ids[record["Id"]] in known,
        )
        for record in records
    ]


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None  # Empty, or typed by somebody over there.


def claim_for_contact(*, account: Account, contact: Contact, actor: Actor, now: datetime) -> Invitation | None:
    """Send the contact a claim link. Whoever joins by it is pushed to this contact, not to a new one.

    Raises `InPortalAlready`, and what `accounts.claims.send_claim` does; None, as there: an administrator is asked.
    """
    if contact.is_in_portal:
        raise InPortalAlready
    made = send_claim(account=account, email=contact.email, name=contact.name, actor=actor, now=now)
    if made is not None:
        # A claim link from before, that nobody took, named the contact too.
        Link.objects.filter(object=SyncedObject.CONTACT, crm_id=contact.crm_id).delete()
        nothing = {"portal": None, "crm": None}  # Until the person says otherwise, what stands over there counts.
        Link.objects.create(
            object=SyncedObject.CONTACT,
            external_id=made.public_id,
            crm_id=contact.crm_id,
            field_versions=dict.fromkeys(mapping.shared_fields(SyncedObject.CONTACT), nothing),
        )
    return made
