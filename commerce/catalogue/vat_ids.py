"""VAT identification numbers of the European Union: whether one has the form that its country gives out.

The forms are those that the European Commission publishes for VIES (in its FAQ: "What is the format of a VAT number?"),
with XI for Northern Ireland. The form alone: whether a number is registered today only VIES knows.
"""

import re

_FORMS = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z]\d{7}[A-Z]|\d{8}[A-Z]|[A-Z]\d{8}",
    "FI": r"\d{8}",
    "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]|\d{7}[A-Z]{2}",
    "IT": r"\d{11}",
    "LT": r"\d{9}|\d{12}",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"[A-Z0-9+*]{9}B[A-Z0-9+*]{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"\d{9}|\d{12}|GD[0-4]\d{2}|HA[5-9]\d{2}",
}
# Where the prefix is not the country's own code.
_PREFIXES = {"GR": "EL", "GB": "XI"}


def normalised(vat_id: str) -> str:
    """As it is compared: capital letters, without spaces, dots and hyphens."""
    return re.sub(r"[\s.\-]", "", vat_id).upper()


def knows(country: str) -> bool:
    """Whether that country's VAT ids have a form that is known here."""
    return _PREFIXES.get(country, country) in _FORMS


def is_valid(vat_id: str, *, country: str) -> bool:
    """Whether it has the form of a VAT id of that country (ISO 3166-1 alpha-2). Outside of the EU none has."""
    number = normalised(vat_id)
    prefix = _PREFIXES.get(country, country)
    form = _FORMS.get(prefix)
    return form is not None and number.startswith(prefix) and re.fullmatch(form, number[2:], re.ASCII) is not None
