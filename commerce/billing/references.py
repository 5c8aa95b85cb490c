"""Payment references that a payer's bank checks: ISO 11649 (RF creditor reference), made of the invoice's number."""

import re

LONGEST = 21  # Letters and digits after the check digits.


def creditor_reference(number: str) -> str:
    """The reference of an invoice: RF, two check digits, and the letters and digits of its number."""
    body = compact(number)[-LONGEST:]
    return f"RF{98 - _remainder(body + 'RF00'):02d}{body}"


def is_valid(reference: str) -> bool:
    """Whether the check digits are right."""
    text = compact(reference)
    return bool(re.fullmatch(rf"RF\d{{2}}[A-Z0-9]{{1,{LONGEST}}}", text)) and _remainder(text[4:] + text[:4]) == 1


def in_groups(reference: str) -> str:
    """As it is printed: in groups of four."""
    return " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))


def compact(text: str) -> str:
    """Capital letters and digits alone, as banks leave out and add what they like."""
    return re.sub(r"[^A-Z0-9]", "", text.upper(), flags=re.ASCII)


def _remainder(text: str) -> int:
    """ISO 7064, MOD 97-10: letters count as 10 to 35."""
    return int("".join(str(int(character, 36)) for character in text)) % 97
