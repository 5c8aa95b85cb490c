"""Which contracts of a company, or of all of its group, are shown: by company, product, status and last day."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership
from commerce.days import DayField
from commerce.models import Contract, ContractStatus, Product, Subscription
from commerce.models.contracts import ContractQuerySet

RUNNING, UPCOMING = "running", "upcoming"


class ContractFilter(forms.Form):
    """What is wrong in it is told, and filters nothing."""

    of = forms.ChoiceField(label=_("Company"), required=False)
    product = forms.ChoiceField(label=_("Product"), required=False)
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[
            ("", _("All")),
            (RUNNING, _("Running")),
            (UPCOMING, _("Not begun yet")),
            (ContractStatus.RENEWED, _("Renewed")),
            (ContractStatus.ENDED, _("Ended")),
        ],
    )
    since = DayField(label=_("Ends from"), required=False)
    until = DayField(label=_("Ends until"), required=False)

    def __init__(self, memberships: Iterable[Membership], *args: Any, **kwargs: Any) -> None:
        """`memberships` are those by which somebody sees contracts. One query, for the products."""
        super().__init__(*args, **kwargs)
        self.accounts = {str(one.account.public_id): one.account for one in memberships}
        companies = [(key, account.name) for key, account in self.accounts.items()]
        sold = Product.objects.filter(subscriptions__account__in=self.accounts.values()).distinct()
        products = [(one.code, one.name) for one in sold.order_by("name", "pk")]
        for name, choices in (("of", companies), ("product", products)):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = [("", _("All")), *choices]
        if len(companies) < 2:
            del self.fields["of"]

    def chosen(self, today: date) -> ContractQuerySet:
        """The contracts that are asked for, those that end last come first."""
        self.full_clean()
        given = self.cleaned_data
        company = self.accounts.get(given.get("of") or "")
        contracts = Contract.objects.filter(account__in=[company] if company else list(self.accounts.values()))
        if given.get("product"):
            lines = Subscription.objects.filter(contract=OuterRef("pk"), product__code=given["product"])
            contracts = contracts.filter(Exists(lines.owned_on(today)))
        if given.get("since"):
            contracts = contracts.filter(end_date__gt=given["since"])
        if given.get("until"):
            contracts = contracts.filter(end_date__lte=given["until"] + timedelta(days=1))
        return _in_status(contracts, given.get("status") or "", today).order_by("-end_date", "-pk")


def _in_status(contracts: ContractQuerySet, status: str, today: date) -> ContractQuerySet:
    match status:
        case "running":
            return contracts.current(today)
        case "upcoming":
            return contracts.filter(status=ContractStatus.ACTIVE, start_date__gt=today)
        case ContractStatus.ENDED:  # Also one whose last day was yesterday, before a job says so.
            return contracts.exclude(status=ContractStatus.RENEWED).exclude(
                status=ContractStatus.ACTIVE, end_date__gt=today
            )
        case ContractStatus.RENEWED:
            return contracts.filter(status=ContractStatus.RENEWED)
    return contracts
