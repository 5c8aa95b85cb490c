"""How long a new password may be, and how strong one is."""

import math
from dataclasses import dataclass

from django.contrib.auth.password_validation import MinimumLengthValidator, validate_password
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User

LONGEST = 128  # Long enough for every passphrase, short enough that hashing it is no work worth sending us.


class LengthValidator(MinimumLengthValidator):
    """At least so many characters, in any alphabet, and at most `LONGEST`. Nothing is cut off."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises `ValidationError`."""
        super().validate(password, user)
        MaxLengthValidator(LONGEST)(password)


class Level(models.IntegerChoices):
    """How strong a password is, of four steps."""

    REFUSED = 1, _("Not strong enough")
    FAIR = 2, _("Fair")
    GOOD = 3, _("Good")
    STRONG = 4, _("Strong")


@dataclass(frozen=True)
class Strength:
    level: Level
    problems: list[str]  # Why it would be refused.


def strength_of(password: str, user: User | None = None) -> Strength:
    """What the rules for new passwords say of it, and beyond them how much there is to guess.

    An estimate: each character counts as one of those that occur, and repetition as next to nothing.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        return Strength(Level.REFUSED, error.messages)
    kinds = len(set(password))
    bits = min(len(password), 2 * kinds) * math.log2(kinds + 1)
    return Strength(Level.STRONG if bits >= 75 else Level.GOOD if bits >= 55 else Level.FAIR, [])
