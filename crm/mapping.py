"""How Salesforce sees a record of the portal, and who owns each field. Pure: frozen dataclasses in, dicts out.

A record is first spelled in full (`values_of`), then cut down to what this push may write (`plan`): the portal's own
fields always, those of Salesforce only while the record is new over there, shared ones where the portal has moved them
since both sides last agreed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import singledispatch
from uuid import UUID

from commerce.pricing.money import from_minor

EXTERNAL_ID = "Portal_Id__c"
UPDATED_AT = "Portal_Updated_At__c"

# What JSON can say of one field. A parent is named by its external id: {"Portal_Id__c": "…"}.
Value = str | int | float | bool | None | dict[str, str]
Values = dict[str, Value]


class Owner(StrEnum):
    """Whose value counts once both sides have the record."""

    PORTAL = "portal"  # Always written; a change over there is overwritten with the next push.
    SALESFORCE = "salesforce"  # Written while the record is new, read ever after.
    BOTH = "both"  # The later change counts.


@dataclass(frozen=True)
class Field:
    name: str
    owner: Owner
    once: bool = False  # Told when the record is made, and never again.


def _fields(owner: Owner, *names: str, once: bool = False) -> tuple[Field, ...]:
    return tuple(Field(name, owner, once) for name in names)


_P, _S, _B = Owner.PORTAL, Owner.SALESFORCE, Owner.BOTH

# The field ownership table. Parents belong to the portal when a record is made, and to Salesforce from then on.
FIELDS: dict[str, tuple[Field, ...]] = {
    "Account": (
        *_fields(_S, "Name", "Industry", "Type"),
        *_fields(_B, "Phone", "Website", "BillingStreet", "BillingPostalCode", "BillingCity", "BillingCountry"),
        *_fields(_P, "Portal_Status__c", "Portal_Tier__c", "Portal_Lifecycle_Stage__c"),
        # Who looks after the company, by e-mail address. The record's owner over there stays theirs.
        *_fields(_P, "Portal_Success_Manager__c", "Portal_Sales_Contact__c"),
    ),
    "Contact": (
        *_fields(_B, "Phone", "Title"),
        *_fields(_P, "FirstName", "LastName", "Email", "Department", "Portal_Role__c", "Portal_Active__c"),
        *_fields(_S, "Account"),
    ),
    "Case": (
        *_fields(_P, "Subject", "Description", "Origin", "Portal_Number__c", once=True),
        *_fields(_B, "Status"),
        *_fields(_S, "Priority", "Account", "Contact"),
    ),
    "Portal_Case_Message__c": _fields(
        _P, "Case__r", "Body__c", "Author_Name__c", "Author_Email__c", "From_Customer__c", "Is_Published__c",
        "Sent_At__c", once=True,
    ),
    "Opportunity": (
        *_fields(_P, "Name", "Type", "LeadSource", "Amount", "CurrencyIsoCode"),
        *_fields(_B, "StageName"),
        *_fields(_S, "CloseDate", "Account"),
    ),
    "Order": (
        *_fields(_P, "Name", "EffectiveDate", "PoNumber", "Type", "Description"),
        # Salesforce lets an order begin as a draft alone, and its people activate it.
        *_fields(_S, "Status", "Account", "Opportunity", "CurrencyIsoCode"),
    ),
}  # fmt: skip

# The portal's codes, and Salesforce's labels for them.
INDUSTRIES = {
    "manufacturing": "Manufacturing",
    "logistics": "Logistics",
    "healthcare": "Healthcare",
    "retail": "Retail",
    "energy": "Energy",
    "construction": "Construction",
}
CASE_STATUSES = {
    "new": "New",
    "open": "Working",
    "waiting": "Waiting on Customer",
    "resolved": "Resolved",
    "closed": "Closed",
}
PRIORITIES = {"low": "Low", "normal": "Medium", "high": "High", "urgent": "Critical"}
STAGES = {"open": "Prospecting", "proposal": "Proposal/Price Quote", "won": "Closed Won", "lost": "Closed Lost"}
LEAD_SOURCES = {"portal": "Customer Portal", "alert": "Customer Success", "representative": "Other"}
DEAL_TYPES = {
    "new": "New Customer",
    "expansion": "Existing Customer - Upgrade",
    "cross_sell": "Existing Customer - Upgrade",
    "renewal": "Renewal",
}
ORDER_TYPES = {"new": "New", "expansion": "Upgrade", "cross_sell": "Add-on", "renewal": "Renewal"}

# Salesforce's labels, read back. Several of its own mean one of the portal's.
INDUSTRY_OF = {label: code for code, label in INDUSTRIES.items()} | {
    "Transportation": "logistics",
    "Shipping": "logistics",
    "Machinery": "manufacturing",
    "Utilities": "energy",
    "Engineering": "construction",
}
CASE_STATUS_OF = {label: code for code, label in CASE_STATUSES.items()} | {"Escalated": "open"}
STAGE_OF = {label: code for code, label in STAGES.items()} | {
    "Qualification": "open",
    "Needs Analysis": "open",
    "Value Proposition": "open",
    "Id. Decision Makers": "open",
    "Perception Analysis": "open",
    "Negotiation/Review": "proposal",
}


@dataclass(frozen=True)
class Account:
    id: UUID
    name: str
    industry: str
    phone: str
    website: str
    street: str
    postal_code: str
    city: str
    country: str
    tier: str
    lifecycle_stage: str
    is_active: bool
    has_signed_in: bool
    success_manager: str = ""  # E-mail addresses; empty: nobody.
    sales_contact: str = ""


@dataclass(frozen=True)
class Contact:
    id: UUID
    account_id: UUID
    name: str
    email: str
    phone: str
    job_title: str
    department: str
    roles: tuple[str, ...]
    is_active: bool


@dataclass(frozen=True)
class Case:
    id: UUID
    account_id: UUID
    contact_id: UUID | None  # None when the vendor's staff opened it.
    number: str
    subject: str
    description: str
    status: str
    priority: str


@dataclass(frozen=True)
class CaseMessage:
    id: UUID
    case_id: UUID
    body: str
    author_name: str
    author_email: str
    is_from_customer: bool
    sent_at: datetime


@dataclass(frozen=True)
class Opportunity:
    id: UUID
    account_id: UUID
    name: str
    type: str
    stage: str
    source: str
    amount_minor: int
    currency: str
    close_date: date


@dataclass(frozen=True)
class Order:
    id: UUID
    account_id: UUID
    deal_id: UUID | None
    deal_type: str  # Empty without a deal.
    number: str
    status: str  # As people read it.
    placed_date: date  # The account's day.
    currency: str
    total_minor: int
    po_number: str


Record = Account | Contact | Case | CaseMessage | Opportunity | Order


def parents_of(record: Record) -> tuple[tuple[str, UUID], ...]:
    """The records that Salesforce must have before this one."""
    match record:
        case Account():
            return ()
        case Contact():
            return (("Account", record.account_id),)
        case Case():
            contact = (("Contact", record.contact_id),) if record.contact_id else ()
            return (("Account", record.account_id), *contact)
        case CaseMessage():
            return (("Case", record.case_id),)
        case Opportunity():
            return (("Account", record.account_id),)
        case Order():
            deal = (("Opportunity", record.deal_id),) if record.deal_id else ()
            return (("Account", record.account_id), *deal)


def _parent(external_id: UUID | None) -> dict[str, str] | None:
    return {EXTERNAL_ID: str(external_id)} if external_id else None


def _text(value: str, limit: int) -> str | None:
    """A text that fits. Empty is null: Salesforce keeps no empty texts, and gives null back."""
    return value[:limit].strip() or None


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@singledispatch
def values_of(record: Record) -> Values:
    """Everything Salesforce may hear of the record."""
    raise TypeError(f"no mapping for {type(record).__name__}")


@values_of.register
def _(record: Account) -> Values:
    status = "suspended" if not record.is_active else "active" if record.has_signed_in else "invited"
    return {
        "Name": record.name[:255],
        "Industry": INDUSTRIES.get(record.industry),
        "Type": "Customer - Direct",
        "Phone": _text(record.phone, 40),
        "Website": _text(record.website, 255),
        "BillingStreet": _text(record.street, 255),
        "BillingPostalCode": _text(record.postal_code, 20),
        "BillingCity": _text(record.city, 40),
        "BillingCountry": _text(record.country, 80),
        "Portal_Status__c": status,
        "Portal_Tier__c": record.tier,
        "Portal_Lifecycle_Stage__c": record.lifecycle_stage,
        "Portal_Success_Manager__c": _text(record.success_manager, 255),
        "Portal_Sales_Contact__c": _text(record.sales_contact, 255),
    }


@values_of.register
def _(record: Contact) -> Values:
    first, _space, last = record.name.strip().rpartition(" ")
    return {
        "FirstName": _text(first, 40),
        "LastName": (last or record.email)[:80],  # Required over there.
        "Email": record.email,
        "Phone": _text(record.phone, 40),
        "Title": _text(record.job_title, 128),
        "Department": _text(record.department, 80),
        "Portal_Role__c": ";".join(sorted(record.roles)),
        "Portal_Active__c": record.is_active,
        "Account": _parent(record.account_id),
    }


@values_of.register
def _(record: Case) -> Values:
    return {
        "Subject": record.subject[:255],
        "Description": _text(record.description, 32_000),
        "Origin": "Portal",
        "Portal_Number__c": record.number,
        "Status": CASE_STATUSES[record.status],
        "Priority": PRIORITIES[record.priority],
        "Account": _parent(record.account_id),
        "Contact": _parent(record.contact_id),
    }


@values_of.register
def _(record: CaseMessage) -> Values:
    return {
        "Case__r": _parent(record.case_id),
        "Body__c": _text(record.body, 32_000) or "–",
        "Author_Name__c": _text(record.author_name, 120),
        "Author_Email__c": record.author_email,
        "From_Customer__c": record.is_from_customer,
        "Is_Published__c": True,
        "Sent_At__c": timestamp(record.sent_at),
    }


@values_of.register
def _(record: Opportunity) -> Values:
    return {
        "Name": record.name[:120],
        "Type": DEAL_TYPES[record.type],
        "LeadSource": LEAD_SOURCES[record.source],
        "Amount": float(from_minor(record.amount_minor, record.currency)),
        "CurrencyIsoCode": record.currency,
        "StageName": STAGES[record.stage],
        "CloseDate": record.close_date.isoformat(),
        "Account": _parent(record.account_id),
    }


@values_of.register
def _(record: Order) -> Values:
    total = from_minor(record.total_minor, record.currency)
    return {
        "Name": record.number,
        "EffectiveDate": record.placed_date.isoformat(),
        "PoNumber": _text(record.po_number, 80),
        "Type": ORDER_TYPES.get(record.deal_type),
        "Description": f"{total} {record.currency} · {record.status}",
        "Status": "Draft",
        "Account": _parent(record.account_id),
        "Opportunity": _parent(record.deal_id),
        "CurrencyIsoCode": record.currency,
    }


@dataclass(frozen=True)
class Plan:
    """What one push of one record writes."""

    fields: Values  # Empty: nothing that Salesforce does not have.
    own_hash: str  # Of the portal's own fields: equal to that of the last push, they need not be sent.
    shared: Values  # Shared fields among `fields`.


def shared_fields(crm_object: str) -> tuple[str, ...]:
    return tuple(field.name for field in FIELDS[crm_object] if field.owner is Owner.BOTH)


def plan(
    crm_object: str,
    values: Values,
    *,
    is_new: bool,
    pushed_hash: str,
    agreed: Mapping[str, Mapping[str, Value]],
) -> Plan:
    """Cut a record down to what may be written. `agreed` is what both sides last held of each shared field."""
    fields = FIELDS[crm_object]
    own = {field.name: values[field.name] for field in fields if field.owner is Owner.PORTAL and not field.once}
    own_hash = payload_hash(own)
    shared = {
        name: values[name]
        for name in shared_fields(crm_object)
        if is_new or name not in agreed or agreed[name]["portal"] != values[name]
    }
    if is_new:
        # Null parents are left out: there is nothing to clear yet, and no external id to name.
        everything: Values = {name: value for name, value in values.items() if value is not None}
        return Plan(fields=everything, own_hash=own_hash, shared=shared)
    return Plan(fields=shared | ({} if own_hash == pushed_hash else own), own_hash=own_hash, shared=shared)


def payload_hash(values: Mapping[str, Value]) -> str:
    """The same for the same values, whatever their order."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
