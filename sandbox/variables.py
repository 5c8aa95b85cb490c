"""Which environment variables are the portal's: a stack sets them all itself, but for those it is given."""

SETTINGS_PREFIXES = (
    "PORTAL_",
    "STRIPE_",
    "SALESFORCE_",
    "DATABASE_",
    "REDIS_",
    "EMAIL_",
    "AUDIT_",
    "DNS_",
    "OUTBOUND_",
)
SETTINGS = frozenset(
    {"SECRET_KEY", "MAIL_SINK_URL", "DEFAULT_FROM_EMAIL", "MEDIA_ROOT", "ALLOWED_HOSTS", "DNS_SERVERS"}
    | {"OUTBOUND_LOOPBACK"}
)


def is_setting(name: str) -> bool:
    """Whether an environment variable is one of the portal's settings."""
    return name in SETTINGS or name.startswith(SETTINGS_PREFIXES)
