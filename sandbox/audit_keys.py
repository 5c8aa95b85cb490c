"""The pair of keys that the days of the audit log are signed with."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SIGNING_KEY = "audit-signing.pem"


def audit_keys(data_dir: Path) -> Path:
    """Make the pair of keys that the audit log's days are signed with, once; the path of the public one."""
    private, public = data_dir / SIGNING_KEY, data_dir / "audit-public.pem"
    if not public.exists():
        key = Ed25519PrivateKey.generate()
        private.unlink(missing_ok=True)
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return public
