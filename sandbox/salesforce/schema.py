"""The objects of the org and their fields, as data. A field added here exists from the next start on."""

from sandbox.salesforce.errors import no_such_column
from sandbox.salesforce.fields import (
    Field,
    SObject,
    checkbox,
    currency,
    day,
    email,
    long_text,
    lookup,
    moment,
    number,
    percent,
    phone,
    picklist,
    text,
    url,
    whole,
)

PORTAL_ID = text("Portal_Id__c", 36, unique=True, external_id=True)
PORTAL_UPDATED_AT = moment("Portal_Updated_At__c")
PORTAL = (PORTAL_ID, PORTAL_UPDATED_AT)

INDUSTRIES = (
    "Agriculture", "Apparel", "Banking", "Biotechnology", "Chemicals", "Communications", "Construction", "Consulting",
    "Education", "Electronics", "Energy", "Engineering", "Entertainment", "Environmental", "Finance",
    "Food & Beverage", "Government", "Healthcare", "Hospitality", "Insurance", "Logistics", "Machinery",
    "Manufacturing", "Media", "Not For Profit", "Recreation", "Retail", "Shipping", "Technology",
    "Telecommunications", "Transportation", "Utilities", "Other",
)  # fmt: skip

# Stage name, probability in percent, closed, won.
STAGES: tuple[tuple[str, int, bool, bool], ...] = (
    ("Prospecting", 10, False, False),
    ("Qualification", 10, False, False),
    ("Needs Analysis", 20, False, False),
    ("Value Proposition", 50, False, False),
    ("Id. Decision Makers", 60, False, False),
    ("Perception Analysis", 70, False, False),
    ("Proposal/Price Quote", 75, False, False),
    ("Negotiation/Review", 90, False, False),
    ("Closed Won", 100, True, True),
    ("Closed Lost", 0, True, False),
)
CLOSED_CASE_STATUSES = frozenset({"Closed"})
LEAD_SOURCES = (
    "Customer Portal", "Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Customer Success", "Other",
)  # fmt: skip


def _address(kind: str) -> tuple[Field, ...]:
    return (
        long_text(f"{kind}Street", 255),
        text(f"{kind}City", 40),
        text(f"{kind}State", 80),
        text(f"{kind}PostalCode", 20),
        text(f"{kind}Country", 80),
    )


ACCOUNT = SObject("Account", "Account", "Accounts", "001", (
    text("Name", 255, required=True),
    picklist("Type", "Prospect", "Customer - Direct", "Customer - Channel", "Channel Partner / Reseller",
             "Installation Partner", "Technology Partner", "Other", restricted=True),
    lookup("ParentId", "Account", children="ChildAccounts"),
    picklist("Industry", *INDUSTRIES, restricted=True),
    text("AccountNumber", 40),
    *_address("Billing"),
    *_address("Shipping"),
    phone("Phone"),
    url("Website"),
    currency("AnnualRevenue"),
    whole("NumberOfEmployees"),
    long_text("Description"),
    # Not unique on purpose: a key from an older system, with which upserts by a shared key can be rehearsed.
    text("Legacy_Number__c", 40, external_id=True),
    picklist("Portal_Status__c", "invited", "active", "suspended", "closed"),
    picklist("Portal_Plan__c", ("team", "Team"), ("business", "Business"), ("enterprise", "Enterprise")),
    picklist("Portal_Tier__c", ("essential", "Essential"), ("growth", "Growth"), ("premier", "Premier"),
             ("strategic", "Strategic"), restricted=True),
    picklist("Portal_Lifecycle_Stage__c", ("onboarding", "Onboarding"), ("adopting", "Adopting"),
             ("growing", "Growing"), ("renewing", "Renewing"), ("at_risk", "At risk"), restricted=True),
    email("Portal_Success_Manager__c"),
    email("Portal_Sales_Contact__c"),
    moment("Portal_Last_Login__c"),
    number("Portal_Active_Users__c"),
    number("Portal_Health_Score__c", 5, 2),
    *PORTAL,
))  # fmt: skip

CONTACT = SObject("Contact", "Contact", "Contacts", "003", (
    lookup("AccountId", "Account", children="Contacts", cascades=True),
    text("Name", 121, readonly=True),
    text("FirstName", 40),
    text("LastName", 80, required=True),
    email("Email"),
    phone("Phone"),
    phone("MobilePhone"),
    text("Title", 128),
    text("Department", 80),
    *_address("Mailing"),
    checkbox("HasOptedOutOfEmail"),
    text("Portal_Role__c", 255),
    checkbox("Portal_Active__c"),
    moment("Portal_Last_Login__c"),
    *PORTAL,
))  # fmt: skip

USER = SObject("User", "User", "Users", "005", (
    text("Username", 80, required=True, unique=True),
    text("Name", 121, readonly=True),
    text("FirstName", 40),
    text("LastName", 80, required=True),
    email("Email", required=True),
    text("Alias", 8),
    text("Title", 80),
    checkbox("IsActive", default=True),
    *PORTAL,
), owned=False)  # fmt: skip

CASE = SObject("Case", "Case", "Cases", "500", (
    text("CaseNumber", 30, autonumber="{:08d}"),
    lookup("AccountId", "Account", children="Cases"),
    lookup("ContactId", "Contact", children="Cases"),
    lookup("ParentId", "Case", children="Cases"),
    text("Subject", 255),
    long_text("Description"),
    picklist("Status", "New", "Working", "Waiting on Customer", "Escalated", "Resolved", "Closed",
             restricted=True, required=True, default="New"),
    picklist("Priority", "Low", "Medium", "High", "Critical", restricted=True, default="Medium"),
    picklist("Origin", "Portal", "Email", "Phone", "Web", restricted=True),
    picklist("Type", "Question", "Problem", "Incident", "Feature Request"),
    picklist("Reason", "Installation", "Complexity", "Performance", "Breakdown", "Billing", "Other"),
    checkbox("IsClosed", readonly=True),
    checkbox("IsEscalated"),
    moment("ClosedDate", readonly=True),
    text("EntitlementId", 18),
    email("SuppliedEmail"),
    text("SuppliedName", 80),
    text("Portal_Number__c", 40),
    *PORTAL,
))  # fmt: skip

CASE_COMMENT = SObject("CaseComment", "Case Comment", "Case Comments", "00a", (
    lookup("ParentId", "Case", children="CaseComments", required=True, cascades=True, createable_only=True),
    long_text("CommentBody", 4000),
    checkbox("IsPublished"),
), owned=False)  # fmt: skip

PORTAL_CASE_MESSAGE = SObject("Portal_Case_Message__c", "Portal Case Message", "Portal Case Messages", "a0X", (
    text("Name", 80, autonumber="PCM-{:06d}"),
    lookup("Case__c", "Case", children="Portal_Case_Messages__r", required=True, cascades=True),
    long_text("Body__c", 32000, required=True),
    text("Author_Name__c", 120),
    email("Author_Email__c"),
    checkbox("From_Customer__c"),
    checkbox("Is_Published__c", default=True),
    moment("Sent_At__c"),
    *PORTAL,
))  # fmt: skip

OPPORTUNITY = SObject("Opportunity", "Opportunity", "Opportunities", "006", (
    text("Name", 120, required=True),
    lookup("AccountId", "Account", children="Opportunities", cascades=True),
    picklist("StageName", *(stage[0] for stage in STAGES), restricted=True, required=True),
    day("CloseDate", required=True),
    currency("Amount"),
    percent("Probability"),
    picklist("Type", "New Customer", "Existing Customer - Upgrade", "Existing Customer - Replacement",
             "Existing Customer - Downgrade", "Renewal", restricted=True),
    picklist("LeadSource", *LEAD_SOURCES, restricted=True),
    text("NextStep", 255),
    long_text("Description"),
    checkbox("IsClosed", readonly=True),
    checkbox("IsWon", readonly=True),
    checkbox("HasOpportunityLineItem", readonly=True),
    lookup("Pricebook2Id", "Pricebook2", label="Price Book"),
    lookup("ContractId", "Contract", children="Opportunities"),
    text("Portal_Request_Id__c", 36),
    *PORTAL,
))  # fmt: skip


def _line_fields(parent: str, parent_object: str, children: str) -> tuple[Field, ...]:
    """What a line of an opportunity, an order and a quote have in common."""
    return (
        lookup(parent, parent_object, children=children, required=True, cascades=True, createable_only=True),
        lookup("PricebookEntryId", "PricebookEntry", children=children, required=True, createable_only=True),
        lookup("Product2Id", "Product2", readonly=True),
        text("ProductCode", 255, readonly=True),
        number("Quantity", 12, 2, required=True),
        currency("UnitPrice", required=True, scale=6),
        currency("ListPrice", readonly=True),
        currency("TotalPrice", readonly=True),
        day("ServiceDate"),
        text("Description", 255),
        *PORTAL,
    )


OPPORTUNITY_LINE_ITEM = SObject(
    "OpportunityLineItem", "Opportunity Product", "Opportunity Products", "00k",
    (text("Name", 376, readonly=True), *_line_fields("OpportunityId", "Opportunity", "OpportunityLineItems")),
    owned=False,
)  # fmt: skip

PRODUCT = SObject("Product2", "Product", "Products", "01t", (
    text("Name", 255, required=True),
    text("ProductCode", 255),
    long_text("Description", 4000),
    picklist("Family", "Plan", "Add-on", "One-time", "Service"),
    checkbox("IsActive"),
    text("StockKeepingUnit", 180),
    *PORTAL,
), owned=False)  # fmt: skip

PRICEBOOK = SObject("Pricebook2", "Price Book", "Price Books", "01s", (
    text("Name", 255, required=True),
    text("Description", 255),
    checkbox("IsActive"),
    checkbox("IsStandard", readonly=True),
    *PORTAL,
), owned=False)  # fmt: skip

PRICEBOOK_ENTRY = SObject("PricebookEntry", "Price Book Entry", "Price Book Entries", "01u", (
    text("Name", 255, readonly=True),
    lookup("Pricebook2Id", "Pricebook2", children="PricebookEntries", required=True, cascades=True,
           createable_only=True, label="Price Book"),
    lookup("Product2Id", "Product2", children="PricebookEntries", required=True, cascades=True, createable_only=True),
    text("ProductCode", 255, readonly=True),
    currency("UnitPrice", required=True, scale=6),
    checkbox("IsActive"),
    checkbox("UseStandardPrice"),
    *PORTAL,
), owned=False, unique_together=("Pricebook2Id", "Product2Id", "CurrencyIsoCode"))  # fmt: skip

ORDER = SObject("Order", "Order", "Orders", "801", (
    text("OrderNumber", 30, autonumber="{:08d}"),
    text("Name", 80),
    lookup("AccountId", "Account", children="Orders", required=True),
    lookup("ContractId", "Contract", children="Orders"),
    lookup("OpportunityId", "Opportunity", children="Orders"),
    lookup("QuoteId", "Quote", children="Orders"),
    lookup("Pricebook2Id", "Pricebook2", children="Orders", label="Price Book"),
    day("EffectiveDate", required=True),
    day("EndDate"),
    picklist("Status", "Draft", "Activated", restricted=True, required=True),
    picklist("Type", "New", "Upgrade", "Renewal", "Add-on"),
    text("PoNumber", 80),
    long_text("Description"),
    currency("TotalAmount", readonly=True),
    moment("ActivatedDate", readonly=True),
    *PORTAL,
))  # fmt: skip

ORDER_ITEM = SObject(
    "OrderItem", "Order Product", "Order Products", "802",
    (
        text("OrderItemNumber", 30, autonumber="{:010d}"),
        day("EndDate"),
        *_line_fields("OrderId", "Order", "OrderItems"),
    ),
    owned=False,
)  # fmt: skip

CONTRACT = SObject("Contract", "Contract", "Contracts", "800", (
    text("ContractNumber", 30, autonumber="{:08d}"),
    text("Name", 80),
    lookup("AccountId", "Account", children="Contracts", required=True),
    lookup("Pricebook2Id", "Pricebook2", children="Contracts", label="Price Book"),
    picklist("Status", "Draft", "In Approval Process", "Activated", restricted=True, required=True, default="Draft"),
    day("StartDate"),
    day("EndDate", readonly=True),
    whole("ContractTerm"),
    moment("ActivatedDate", readonly=True),
    long_text("Description"),
    checkbox("Portal_Auto_Renew__c"),
    *PORTAL,
))  # fmt: skip

TASK = SObject("Task", "Task", "Tasks", "00T", (
    text("Subject", 255),
    lookup("WhoId", "Contact", children="Tasks"),
    lookup("WhatId", "Account", "Opportunity", "Case", "Order", "Contract", "Quote", children="Tasks"),
    picklist("Status", "Not Started", "In Progress", "Completed", "Waiting on someone else", "Deferred",
             restricted=True, required=True, default="Not Started"),
    picklist("Priority", "High", "Normal", "Low", restricted=True, required=True, default="Normal"),
    day("ActivityDate"),
    picklist("TaskSubtype", "Task", "Email", "Call", default="Task", createable_only=True),
    long_text("Description"),
    checkbox("IsClosed", readonly=True),
))  # fmt: skip

QUOTE = SObject("Quote", "Quote", "Quotes", "0Q0", (
    text("QuoteNumber", 30, autonumber="{:08d}"),
    text("Name", 255, required=True),
    lookup("OpportunityId", "Opportunity", children="Quotes", required=True, cascades=True, createable_only=True),
    lookup("AccountId", "Account", readonly=True),
    lookup("ContactId", "Contact", children="Quotes"),
    lookup("ContractId", "Contract", children="Quotes"),
    lookup("Pricebook2Id", "Pricebook2", children="Quotes", label="Price Book"),
    picklist("Status", "Draft", "Needs Review", "In Review", "Approved", "Rejected", "Presented", "Accepted",
             "Denied", restricted=True, default="Draft"),
    day("ExpirationDate"),
    long_text("Description"),
    currency("TotalPrice", readonly=True),
    currency("Portal_Total__c"),
    moment("Portal_Accepted_At__c"),
    text("Portal_Accepted_By__c", 255),
    *PORTAL,
))  # fmt: skip

QUOTE_LINE_ITEM = SObject(
    "QuoteLineItem", "Quote Line Item", "Quote Line Items", "0QL",
    (text("LineNumber", 30, autonumber="{:08d}"), *_line_fields("QuoteId", "Quote", "QuoteLineItems")),
    owned=False,
)  # fmt: skip

ORGANIZATION = SObject("Organization", "Organization", "Organizations", "00D", (
    text("Name", 80),
    text("InstanceName", 10),
    checkbox("IsSandbox", default=True),
    text("OrganizationType", 40),
), owned=False, writable=False)  # fmt: skip

OBJECTS: tuple[SObject, ...] = (
    ACCOUNT, CONTACT, USER, CASE, CASE_COMMENT, PORTAL_CASE_MESSAGE, OPPORTUNITY, OPPORTUNITY_LINE_ITEM, PRODUCT,
    PRICEBOOK, PRICEBOOK_ENTRY, ORDER, ORDER_ITEM, CONTRACT, TASK, QUOTE, QUOTE_LINE_ITEM, ORGANIZATION,
)  # fmt: skip
_BY_NAME = {sobject.name.lower(): sobject for sobject in OBJECTS}
_BY_PREFIX = {sobject.prefix: sobject for sobject in OBJECTS}


def find_object(name: str) -> SObject | None:
    """The object with this API name, in any case of letters."""
    return _BY_NAME.get(name.lower())


def object_of_id(record_id: str) -> SObject | None:
    """The object an id belongs to, by its key prefix."""
    return _BY_PREFIX.get(record_id[:3])


def find_field(sobject: SObject, name: str) -> Field:
    """The field with this API name, in any case of letters. Raises ApiError INVALID_FIELD."""
    field = sobject.by_name.get(name.lower())
    if field is None:
        raise no_such_column(name, sobject.name)
    return field


def children_of(sobject: SObject) -> list[tuple[SObject, Field]]:
    """Every (object, field) that can point at a record of this object."""
    return [
        (child, field) for child in OBJECTS for field in child.fields if sobject.name in field.reference_to
    ]  # fmt: skip
