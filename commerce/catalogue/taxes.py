"""What tax a sale to a company bears: the rate of its country, or none where the buyer accounts for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Cast, JSONObject

from accounts.compiled import Compiled, Given
from accounts.models import Account
from commerce.catalogue import vat_ids
from commerce.models import TaxRate
from commerce.pricing.explanation import Phrase, gettext_noop
from commerce.pricing.tax import TaxCategory, TaxTreatment


@dataclass(frozen=True, slots=True)
class SaleTax:
    """The tax on a sale; `note` is the sentence that the law wants on each line, where it does.

    Where the tax is taken out of the prices, `rate_percent` is what they have in them.
    """

    rate_percent: Decimal
    treatment: TaxTreatment
    note: Phrase | None = None
    is_reversed: bool = False

    @property
    def category(self) -> TaxCategory:
        if self.is_reversed:
            return TaxCategory.REVERSE_CHARGE
        return TaxCategory.STANDARD if self.rate_percent else TaxCategory.ZERO_RATED

    @property
    def is_in_prices(self) -> bool:
        """Whether prices are shown with the tax in them."""
        return self.treatment is not TaxTreatment.EXCLUSIVE


def rate_on(today: date, *, country: str) -> TaxRate | None:
    """The rate of a country on the day; none where nobody has said it. One query."""
    return next(iter(_rates(country=country, today=today)), None)


def _of_the_day() -> QuerySet[TaxRate]:
    return TaxRate.objects.filter(country=Given("country")).on(Given("today")).order_by("-valid_from")[:1]


_rates = Compiled(_of_the_day)


def rate_read_along() -> Subquery:
    """What `rate_on` reads, for the rows of a compiled query that is given `country` and `today`: see `rate_from`."""
    return Subquery(_of_the_day().values_list(_figures()))


def rate_of_buyer(today: date) -> Subquery:
    """The same for rows of any query that have an `account`: the rate of its country."""
    rates = TaxRate.objects.filter(country=OuterRef("account__billing_country")).on(today)
    return Subquery(rates.order_by("-valid_from")[:1].values_list(_figures()))


def _figures() -> JSONObject:
    return JSONObject(  # As text, for numbers of JSON would be floats.
        country="country", name="name", rate=Cast("rate", TextField()), treatment="treatment",
        is_reversible="is_reversible",
    )  # fmt: skip


def rate_from(figures: Mapping[str, Any] | None) -> TaxRate | None:
    """The rate that was read along with something else."""
    return None if figures is None else TaxRate(**{**figures, "rate": Decimal(figures["rate"])})


def treatment_on(account: Account, today: date) -> TaxTreatment:
    """Whether the account's prices have the tax in them, and whether it pays it. One query."""
    rate = rate_on(today, country=account.billing_country)
    return TaxTreatment.EXCLUSIVE if rate is None else tax_on_sale(account, rate).treatment


def rate_inside(account: Account, today: date) -> Decimal:
    """How much tax the account's prices have in them: 0.19 is 19 %, 0 where they are before tax. One query."""
    return rate_inside_at(account, rate_on(today, country=account.billing_country))


def rate_inside_at(account: Account, rate: TaxRate | None) -> Decimal:
    """As `rate_inside`, by its country's rate of the day. No query."""
    return rate.rate if rate is not None and tax_on_sale(account, rate).is_in_prices else Decimal(0)


def tax_on_sale(account: Account, rate: TaxRate) -> SaleTax:
    """The tax on a sale to the account, by its country's rate of the day. No query.

    Where the rate allows for it, a buyer with a VAT id of the country's form owes the tax themselves; what prices have
    in them of it is then not charged.
    """
    treatment = TaxTreatment(rate.treatment)
    if rate.is_reversible and vat_ids.is_valid(account.vat_id, country=account.billing_country):
        # Council Directive 2006/112/EC: Article 196 moves the debt, Article 226 (11a) wants these two words.
        note = Phrase(
            gettext_noop(
                "Reverse charge: the recipient %(vat_id)s accounts for the VAT (Article 196 of Directive 2006/112/EC)"
            ),
            {"vat_id": vat_ids.normalised(account.vat_id)},
        )
        if treatment is TaxTreatment.INCLUSIVE:
            return SaleTax(rate.rate * 100, TaxTreatment.TAKEN_OUT, note, is_reversed=True)
        return SaleTax(Decimal(0), TaxTreatment.EXCLUSIVE, note, is_reversed=True)
    return SaleTax(rate.rate * 100, treatment)
