"""Bank account numbers (ISO 13616): whether one can exist, by its check digits."""

import re


def normalised(iban: str) -> str:
    """Capital letters, without spaces."""
    return re.sub(r"\s", "", iban).upper()


def is_valid(iban: str) -> bool:
    """Whether its form and its check digits are right. Whether there is such an account only the bank knows."""
    number = normalised(iban)
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", number, re.ASCII):
        return False
    # ISO 7064, MOD 97-10: the first four to the end, letters as 10 to 35.
    return int("".join(str(int(character, 36)) for character in number[4:] + number[:4])) % 97 == 1
