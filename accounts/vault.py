"""Secrets of customers at rest: sealed with a key that the database does not have."""

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class CannotUnseal(Exception):
    """Sealed with a key that is no longer known: name it in SECRET_KEY_FALLBACKS, or enter the secret again."""


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    def derive(key: str) -> Fernet:
        derived = HKDF(SHA256(), length=32, salt=None, info=b"portal: customers' secrets").derive(key.encode())
        return Fernet(base64.urlsafe_b64encode(derived))

    return MultiFernet([derive(key) for key in keys])


def seal(text: str) -> str:
    """Encrypted and authenticated, by the secret key."""
    return _fernet((settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """What `seal` was given, also before the secret key was replaced. Raises `CannotUnseal`."""
    try:
        return (
            _fernet((settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))).decrypt(sealed.encode()).decode()
        )
    except InvalidToken as error:
        raise CannotUnseal from error
