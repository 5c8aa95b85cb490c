"""How long a new password may be."""

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.core.validators import MaxLengthValidator

from accounts.models import User

LONGEST = 128  # Long enough for every passphrase, short enough that hashing it is no work worth sending us.


class LengthValidator(MinimumLengthValidator):
    """At least so many characters, in any alphabet, and at most `LONGEST`. Nothing is cut off."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raises `ValidationError`."""
        super().validate(password, user)
        MaxLengthValidator(LONGEST)(password)
