"""Records of the portal as the plain data that `crm.mapping` spells for Salesforce. A fixed number of queries each."""

from collections.abc import Callable, Iterable
from uuid import UUID

from accounts.models import Account, Membership, PersonMerge, User
from cases.models import Case, CaseMessage
from commerce.models import Deal, Order
from crm import mapping
from crm.models import SyncedObject


def load(crm_object: str, external_ids: Iterable[UUID]) -> dict[UUID, mapping.Record]:
    """The records as they are now, by external id. What no longer exists, or may not leave the portal, is missing."""
    return {record.id: record for record in _LOADERS[SyncedObject(crm_object)](list(external_ids))}


def _accounts(ids: list[UUID]) -> Iterable[mapping.Record]:
    for account in Account.objects.filter(public_id__in=ids).select_related("tier", "owner", "sales_contact"):
        yield mapping.Account(
            id=account.public_id,
            name=account.name,
            industry=account.industry,
            phone=account.phone,
            website=account.website,
            street=account.billing_street,
            postal_code=account.billing_postal_code,
            city=account.billing_city,
            country=account.billing_country,
            tier=account.tier.code,
            lifecycle_stage=account.lifecycle_stage,
            is_active=account.is_active,
            has_signed_in=account.first_login_at is not None,
            success_manager=account.owner.email if account.owner else "",
            sales_contact=account.sales_contact.email if account.sales_contact else "",
        )


def _contacts(ids: list[UUID]) -> Iterable[mapping.Record]:
    for membership in Membership.objects.filter(public_id__in=ids).select_related("account", "user__merge"):
        yield mapping.Contact(
            id=membership.public_id,
            account_id=membership.account.public_id,
            name=membership.user.name,
            email=_address(membership.user),
            phone=membership.user.phone,
            job_title=membership.user.job_title,
            department=membership.department,
            roles=tuple(membership.roles),
            is_active=membership.is_active and membership.user.is_active,
        )


def _address(user: User) -> str:
    """Of an entry that was joined with another, the address under which the CRM knows it."""
    merge: PersonMerge | None = getattr(user, "merge", None)
    return merge.address or user.email if merge else user.email


def _cases(ids: list[UUID]) -> Iterable[mapping.Record]:
    cases = list(Case.objects.filter(public_id__in=ids).select_related("account"))
    people = Membership.objects.filter(
        account__in={case.account_id for case in cases}, user__in={case.opened_by_id for case in cases}
    )
    contacts = {(account, user): public for account, user, public in people.values_list("account", "user", "public_id")}
    messages = CaseMessage.objects.for_customer().filter(case__in=cases).order_by("case", "created_at", "pk")
    first_messages = dict(messages.distinct("case").values_list("case", "body"))
    for case in cases:
        yield mapping.Case(
            id=case.public_id,
            account_id=case.account.public_id,
            contact_id=contacts.get((case.account_id, case.opened_by_id)),
            number=case.number,
            subject=case.subject,
            description=first_messages.get(case.pk, ""),
            status=case.status,
            priority=case.priority,
        )


def _case_messages(ids: list[UUID]) -> Iterable[mapping.Record]:
    for message in CaseMessage.objects.for_customer().filter(public_id__in=ids).select_related("case", "author"):
        yield mapping.CaseMessage(
            id=message.public_id,
            case_id=message.case.public_id,
            body=message.body,
            author_name=message.author.name,
            author_email=message.author.email,
            is_from_customer=not message.is_from_staff,
            sent_at=message.created_at,
        )


def _opportunities(ids: list[UUID]) -> Iterable[mapping.Record]:
    for deal in Deal.objects.filter(public_id__in=ids).select_related("account"):
        yield mapping.Opportunity(
            id=deal.public_id,
            account_id=deal.account.public_id,
            name=deal.name,
            type=deal.type,
            stage=deal.stage,
            source=deal.source,
            amount_minor=deal.amount_minor,
            currency=deal.currency,
            close_date=deal.close_date,
        )


def _orders(ids: list[UUID]) -> Iterable[mapping.Record]:
    for order in Order.objects.filter(public_id__in=ids).select_related("account", "deal"):
        yield mapping.Order(
            id=order.public_id,
            account_id=order.account.public_id,
            deal_id=order.deal.public_id if order.deal else None,
            deal_type=order.deal.type if order.deal else "",
            number=order.number,
            status=str(order.status_choice.label),
            placed_date=order.account.local_date(order.placed_at),
            currency=order.currency,
            total_minor=order.total_minor,
            po_number=order.po_number,
        )


_LOADERS: dict[SyncedObject, Callable[[list[UUID]], Iterable[mapping.Record]]] = {
    SyncedObject.ACCOUNT: _accounts,
    SyncedObject.CONTACT: _contacts,
    SyncedObject.CASE: _cases,
    SyncedObject.CASE_MESSAGE: _case_messages,
    SyncedObject.OPPORTUNITY: _opportunities,
    SyncedObject.ORDER: _orders,
}
