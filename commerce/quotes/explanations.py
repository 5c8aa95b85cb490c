"""A price's explanation as it is kept with the quote, and as it is read: in words, in the reader's language."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext, ngettext

from commerce import amounts
from commerce.pricing.explanation import Explanation, Param, Phrase, UnitPrice, render
from commerce.pricing.money import Money
from commerce.pricing.wording import TAX_INSIDE, TAX_TAKEN_OUT

Json = dict[str, Any]


def to_json(explanation: Explanation) -> Json:
    """The explanation as plain JSON values."""
    return {
        "clauses": [_phrase_to_json(clause) for clause in explanation.clauses],
        "result": _phrase_to_json(explanation.result),
    }


def from_json(stored: Json) -> Explanation:
    """The explanation that `to_json` wrote."""
    return Explanation(
        tuple(_phrase_from_json(clause) for clause in stored["clauses"]), _phrase_from_json(stored["result"])
    )


def in_words(explanation: Explanation) -> str:
    """The sentence, with numbers and money written as the reader's language does."""
    return render(explanation, gettext=gettext, ngettext=ngettext, figure=figure)


def percent_in_price(stored: Json) -> Decimal:
    """How much tax the prices of a stored explanation have in them, in percent; 0 where it comes on top."""
    return _percent_in(stored["result"]) if stored else Decimal(0)


def _percent_in(phrase: Json) -> Decimal:
    params = phrase.get("params", {})
    if phrase["template"] in (TAX_INSIDE, TAX_TAKEN_OUT):
        percent = _param_from_json(params["percent"])
        return percent if isinstance(percent, Decimal) else Decimal(0)
    inner = (_percent_in(value["phrase"]) for value in params.values() if isinstance(value, dict) and "phrase" in value)
    return next((percent for percent in inner if percent), Decimal(0))


def figure(value: str | int | Decimal | Money | UnitPrice) -> str:
    """1,250; 2.5; €12.00; about €11.5083."""
    match value:
        case Money():
            return amounts.money(value)
        case UnitPrice():
            return amounts.unit_price(value)
        case Decimal() | int():
            return amounts.number(value)
    return value


def _phrase_to_json(phrase: Phrase) -> Json:
    stored: Json = {"template": phrase.template}
    if phrase.params:
        stored["params"] = {name: _param_to_json(value) for name, value in phrase.params.items()}
    if phrase.plural is not None:
        stored |= {"plural": phrase.plural, "count": phrase.count}
    return stored


def _phrase_from_json(stored: Json) -> Phrase:
    return Phrase(
        stored["template"],
        {name: _param_from_json(value) for name, value in stored.get("params", {}).items()},
        stored.get("plural"),
        stored.get("count", 1),
    )


def _param_to_json(value: Param) -> str | int | Json:
    """Texts and whole numbers as they are; everything else says what it is."""
    match value:
        case Phrase():
            return {"phrase": _phrase_to_json(value)}
        case Money():
            return {"money": value.minor, "currency": value.currency}
        case UnitPrice():
            return {"price": str(value.amount), "currency": value.currency}
        case Decimal():
            return {"number": str(value)}
    return value


def _param_from_json(stored: str | int | Json) -> Param:
    if not isinstance(stored, dict):
        return stored
    if "phrase" in stored:
        return _phrase_from_json(stored["phrase"])
    if "money" in stored:
        return Money(stored["money"], stored["currency"])
    if "price" in stored:
        return UnitPrice(Decimal(stored["price"]), stored["currency"])
    return Decimal(stored["number"])
