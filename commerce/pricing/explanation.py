"""What a price line says about itself, as parts that can be translated.

A phrase is a template and its figures. The templates are plain strings marked for makemessages by the names of the two
functions below; whoever renders them passes the real gettext functions. Without them the sentence is English.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from .money import Money, exact, exponent_of, round_half_away, stored
from .proration import Duration

# Unit prices are shown with at most this many decimals.
SHOWN_PLACES = 4


def gettext_noop(message: str) -> str:
    """Mark a template for translation. Named as makemessages looks for it."""
    return message


def ngettext_lazy(singular: str, plural: str) -> tuple[str, str]:
    """Mark a template that depends on a count. Named as makemessages looks for it."""
    return singular, plural


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """A unit price as it is shown: at least the currency's decimals, at most four."""

    amount: Decimal
    currency: str

    @property
    def shown(self) -> Decimal:
        least = exponent_of(self.currency)
        for places in range(least, SHOWN_PLACES + 1):
            candidate = round_half_away(self.amount, places)
            if candidate == self.amount:
                return candidate
        return round_half_away(self.amount, max(least, SHOWN_PLACES))

    @property
    def is_rounded(self) -> bool:
        """Whether the figure shown is not the whole figure, so that times the quantity it may miss the total."""
        return self.shown != self.amount

    def __str__(self) -> str:
        return f"{'about ' if self.is_rounded else ''}{self.currency} {self.shown:,f}"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A template, its figures, and the plural template with its count where the words depend on one."""

    template: str
    params: Mapping[str, Param] = field(default_factory=dict)
    plural: str | None = None
    count: int = 1


Param = str | int | Decimal | Money | UnitPrice | Phrase


@dataclass(frozen=True, slots=True)
class Explanation:
    """A price line in words: what is priced, how, and what it comes to."""

    clauses: tuple[Phrase, ...]
    result: Phrase


def english(message: str) -> str:
    return message


def english_plural(singular: str, plural: str, count: int) -> str:
    return singular if count == 1 else plural


def english_figure(value: str | int | Decimal | Money | UnitPrice) -> str:
    """A figure as English text: 1,250, 2.5, EUR 12.00."""
    if isinstance(value, int):
        return f"{value:,d}"
    if isinstance(value, Decimal):
        text = f"{value:,f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def phrase_text(
    phrase: Phrase,
    *,
    gettext: Callable[[str], str] = english,
    ngettext: Callable[[str, str, int], str] = english_plural,
    figure: Callable[[str | int | Decimal | Money | UnitPrice], str] = english_figure,
) -> str:
    """One phrase in words. `figure` writes numbers and money the way the reader's language does."""
    if phrase.plural is None:
        template = gettext(phrase.template)
    else:
        template = ngettext(phrase.template, phrase.plural, phrase.count)
    texts = {
        name: phrase_text(value, gettext=gettext, ngettext=ngettext, figure=figure)
        if isinstance(value, Phrase)
        else figure(value)
        for name, value in phrase.params.items()
    }
    return template % texts


def render(
    explanation: Explanation,
    *,
    gettext: Callable[[str], str] = english,
    ngettext: Callable[[str, str, int], str] = english_plural,
    figure: Callable[[str | int | Decimal | Money | UnitPrice], str] = english_figure,
) -> str:
    """The whole sentence; English where no translation functions are given."""
    clauses = [phrase_text(clause, gettext=gettext, ngettext=ngettext, figure=figure) for clause in explanation.clauses]
    result = phrase_text(explanation.result, gettext=gettext, ngettext=ngettext, figure=figure)
    return gettext(gettext_noop("%(clauses)s: %(result)s")) % {"clauses": ", ".join(clauses), "result": result}


def count_figure(quantity: Decimal | Fraction | int) -> Decimal | int:
    """A quantity as it is written: 60, not 60.000000000000."""
    number = exact(quantity)
    return number.numerator if number.denominator == 1 else stored(number)


def months_phrase(months: int) -> Phrase:
    singular, plural = ngettext_lazy("%(count)s month", "%(count)s months")
    return Phrase(singular, {"count": months}, plural, months)


def seats_phrase(seats: int) -> Phrase:
    """The word alone, so many it is for."""
    singular, plural = ngettext_lazy("seat", "seats")
    return Phrase(singular, plural=plural, count=seats)


def days_phrase(days: int) -> Phrase:
    singular, plural = ngettext_lazy("%(count)s day", "%(count)s days")
    return Phrase(singular, {"count": days}, plural, days)


def duration_phrase(duration: Duration) -> Phrase:
    """7 months and 9 days; 12 months; 9 days."""
    if not duration.days:
        return months_phrase(duration.months)
    if not duration.months:
        return days_phrase(duration.days)
    return Phrase(
        gettext_noop("%(months)s and %(days)s"),
        {"months": months_phrase(duration.months), "days": days_phrase(duration.days)},
    )


def price_phrase(price: UnitPrice, price_months: int) -> Phrase:
    """EUR 12.00 a month; a year; for 3 months."""
    if price_months == 1:
        return Phrase(gettext_noop("%(price)s a month"), {"price": price})
    if price_months == 12:
        return Phrase(gettext_noop("%(price)s a year"), {"price": price})
    return Phrase(gettext_noop("%(price)s for %(months)s"), {"price": price, "months": months_phrase(price_months)})
