"""What the org itself does to a record being saved: fields it fills, rules it enforces, records it keeps in step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from sandbox.salesforce.errors import ApiError, validation_rule
from sandbox.salesforce.fields import Record, SObject, Value
from sandbox.salesforce.schema import CLOSED_CASE_STATUSES, STAGES
from sandbox.salesforce.store import Store, sobject_named

STAGE_FACTS = {name: (float(probability), closed, won) for name, probability, closed, won in STAGES}


@dataclass(slots=True)
class Change:
    """A record about to be saved: how it was (None if new) and how it will be. Rules write into `after`."""

    store: Store
    sobject: SObject
    before: Record | None
    after: Record
    user_id: str

    def moved(self, name: str) -> bool:
        return self.before is None or self.before[name] != self.after[name]

    def parent(self, field_name: str, object_name: str) -> Record | None:
        record_id = self.after.get(field_name)
        return self.store.get(sobject_named(object_name), str(record_id)) if record_id else None


def complete(change: Change) -> None:
    """Fills the fields the org derives."""
    rule = _COMPLETE.get(change.sobject.name)
    if rule:
        rule(change)


def check(change: Change, *, allow_duplicates: bool) -> None:
    """Validation and duplicate rules. Raises ApiError."""
    rule = _CHECK.get(change.sobject.name)
    if rule:
        rule(change)
    if change.sobject.name == "Account" and change.before is None and not allow_duplicates:
        _refuse_duplicate_account(change)


def follow_up(change: Change) -> None:
    """What else changes once the record is saved."""
    rule = _FOLLOW_UP.get(change.sobject.name)
    if rule:
        rule(change)


def after_delete(change: Change) -> None:
    """Roll-ups after a line is gone."""
    if change.sobject.name in _LINES:
        _roll_up(change)


def _number(value: Value) -> float:
    return float(value) if value is not None else 0.0


def _full_name(change: Change) -> None:
    names = (change.after.get("FirstName"), change.after.get("LastName"))
    change.after["Name"] = " ".join(str(name) for name in names if name) or None


def _complete_opportunity(change: Change) -> None:
    after = change.after
    probability, closed, won = STAGE_FACTS.get(str(after["StageName"]), (0.0, False, False))
    after |= {"IsClosed": closed, "IsWon": won}
    # A person may set another probability within a stage; a new stage sets its own again.
    given = change.before is None and after["Probability"] is not None
    by_hand = change.before is not None and change.moved("Probability")
    if change.moved("StageName") and not given and not by_hand:
        after["Probability"] = probability
    if change.before is not None and change.before["HasOpportunityLineItem"]:
        # With lines the amount is their sum: what a client writes is dropped, as Salesforce does.
        after["Amount"] = change.before["Amount"]


def _check_opportunity(change: Change) -> None:
    if _number(change.after["Amount"]) < 0:
        raise validation_rule("The amount of an opportunity can't be negative.", ["Amount"])


def _complete_case(change: Change) -> None:
    closed = change.after["Status"] in CLOSED_CASE_STATUSES
    change.after["IsClosed"] = closed
    if not closed:
        change.after["ClosedDate"] = None
    elif change.after["ClosedDate"] is None:
        change.after["ClosedDate"] = change.store.stamp()
    contact = change.parent("ContactId", "Contact")
    if contact and change.after["AccountId"] is None:
        change.after["AccountId"] = contact["AccountId"]


def _complete_task(change: Change) -> None:
    change.after["IsClosed"] = change.after["Status"] == "Completed"


def _complete_entry(change: Change) -> None:
    product = change.parent("Product2Id", "Product2")
    if product:
        change.after |= {"Name": product["Name"], "ProductCode": product["ProductCode"]}


def _check_entry(change: Change) -> None:
    pricebook = change.parent("Pricebook2Id", "Pricebook2")
    if change.before is not None or pricebook is None or pricebook["IsStandard"]:
        return
    same = {name: change.after[name] for name in ("Product2Id", "CurrencyIsoCode")}
    entries = change.store.find(change.sobject, same)
    standard = change.store.find(sobject_named("Pricebook2"), {"IsStandard": True})
    if not {entry["Pricebook2Id"] for entry in entries} & {book["Id"] for book in standard}:
        message = "Before creating a custom price, create a standard price."
        raise ApiError(400, "STANDARD_PRICE_NOT_DEFINED", message, [])


# A line object: its parent object, the parent's field, and the field of the parent that holds the sum.
_LINES = {
    "OpportunityLineItem": ("Opportunity", "OpportunityId", "Amount"),
    "OrderItem": ("Order", "OrderId", "TotalAmount"),
    "QuoteLineItem": ("Quote", "QuoteId", "TotalPrice"),
}


def _complete_line(change: Change) -> None:
    after = change.after
    entry = change.parent("PricebookEntryId", "PricebookEntry")
    parent = change.parent(_LINES[change.sobject.name][1], _LINES[change.sobject.name][0])
    if entry:
        after |= {"Product2Id": entry["Product2Id"], "ProductCode": entry["ProductCode"]}
        after["ListPrice"] = entry["UnitPrice"]
        if after["UnitPrice"] is None:
            after["UnitPrice"] = entry["UnitPrice"]
    if parent:
        after["CurrencyIsoCode"] = parent["CurrencyIsoCode"]
    if change.sobject.name == "OpportunityLineItem" and entry and parent:
        after["Name"] = f"{parent['Name']} {entry['Name']}"[:376]
    after["TotalPrice"] = round(_number(after["Quantity"]) * _number(after["UnitPrice"]), 2)


def _check_line(change: Change) -> None:
    entry = change.parent("PricebookEntryId", "PricebookEntry")
    kind, link, _ = _LINES[change.sobject.name]
    parent = change.parent(link, kind)
    if entry is None or parent is None or change.before is not None:
        return
    if _number(change.after["Quantity"]) == 0:
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", "Quantity must be nonzero", ["Quantity"])
    if parent["Pricebook2Id"] not in (None, entry["Pricebook2Id"]):
        message = f"The pricebook entry is in a different pricebook than the one assigned to the {kind.lower()}"
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["PricebookEntryId"])
    if parent["CurrencyIsoCode"] != entry["CurrencyIsoCode"]:
        message = f"The pricebook entry currency code does not match the {kind.lower()} currency code"
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, ["PricebookEntryId"])


def _roll_up(change: Change) -> None:
    kind, link, total_field = _LINES[change.sobject.name]
    parent = change.parent(link, kind)
    if parent is None or parent["IsDeleted"]:
        return
    lines = change.store.find(change.sobject, {link: parent["Id"]}, limit=100_000)
    changes: Record = {total_field: round(sum(_number(line["TotalPrice"]) for line in lines), 2)}
    if kind == "Opportunity":
        changes["HasOpportunityLineItem"] = bool(lines)
    entry = change.parent("PricebookEntryId", "PricebookEntry")
    if entry and parent["Pricebook2Id"] is None:
        changes["Pricebook2Id"] = entry["Pricebook2Id"]
    if any(parent[name] != value for name, value in changes.items()):
        change.store.update(sobject_named(kind), parent, changes, user_id=change.user_id)


def _complete_contract(change: Change) -> None:
    _activation(change)
    start, months = change.after["StartDate"], change.after["ContractTerm"]
    if start is None or months is None:
        change.after["EndDate"] = None
        return
    first = date.fromisoformat(str(start))
    month = first.month - 1 + int(months)
    year, month = first.year + month // 12, month % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    last_day = (following - timedelta(days=1)).day
    # Twelve months from 1 January end on 31 December: the term is the same day less one.
    change.after["EndDate"] = (date(year, month, min(first.day, last_day)) - timedelta(days=1)).isoformat()


def _activation(change: Change) -> None:
    if change.after["Status"] != "Activated":
        change.after["ActivatedDate"] = None
    elif change.after["ActivatedDate"] is None:
        change.after["ActivatedDate"] = change.store.stamp()


def _check_activation(change: Change, *, what: str) -> None:
    if change.before is None and change.after["Status"] == "Activated":
        message = f"Choose a valid {what} status and save your changes: a new {what} starts as a draft."
        raise ApiError(400, "FAILED_ACTIVATION", message, ["Status"])


def _check_account(change: Change) -> None:
    score = change.after["Portal_Health_Score__c"]
    if score is not None and not 0 <= float(score) <= 100:
        raise validation_rule("The health score lies between 0 and 100.", ["Portal_Health_Score__c"])
    parent_id = change.after["ParentId"]
    if parent_id is not None and parent_id == change.after.get("Id"):
        message = "An account can't be its own parent"
        raise ApiError(400, "CIRCULAR_DEPENDENCY", message, ["ParentId"])


def _refuse_duplicate_account(change: Change) -> None:
    name, website = change.after["Name"], change.after["Website"]
    if website is None or not change.store.find(change.sobject, {"Name": name, "Website": website}, limit=1):
        return
    raise ApiError(400, "DUPLICATES_DETECTED", "Use one of these records?", [])


def _complete_quote(change: Change) -> None:
    opportunity = change.parent("OpportunityId", "Opportunity")
    if opportunity:
        change.after["AccountId"] = opportunity["AccountId"]


def _comment_on_case(change: Change) -> None:
    """A message from the portal becomes a comment of the case, where support agents read it."""
    if change.before is not None:
        return
    comment: Record = {
        "ParentId": change.after["Case__c"],
        "CommentBody": str(change.after["Body__c"])[:4000],
        "IsPublished": change.after["Is_Published__c"],
    }
    change.store.insert(sobject_named("CaseComment"), comment, user_id=change.user_id)


_COMPLETE: dict[str, Callable[[Change], None]] = {
    "Contact": _full_name,
    "User": _full_name,
    "Opportunity": _complete_opportunity,
    "Case": _complete_case,
    "Task": _complete_task,
    "PricebookEntry": _complete_entry,
    "OpportunityLineItem": _complete_line,
    "OrderItem": _complete_line,
    "QuoteLineItem": _complete_line,
    "Contract": _complete_contract,
    "Order": _activation,
    "Quote": _complete_quote,
}
_CHECK: dict[str, Callable[[Change], None]] = {
    "Account": _check_account,
    "Opportunity": _check_opportunity,
    "PricebookEntry": _check_entry,
    "OpportunityLineItem": _check_line,
    "OrderItem": _check_line,
    "QuoteLineItem": _check_line,
    "Contract": partial(_check_activation, what="contract"),
    "Order": partial(_check_activation, what="order"),
}
_FOLLOW_UP: dict[str, Callable[[Change], None]] = {
    "OpportunityLineItem": _roll_up,
    "OrderItem": _roll_up,
    "QuoteLineItem": _roll_up,
    "Portal_Case_Message__c": _comment_on_case,
}
