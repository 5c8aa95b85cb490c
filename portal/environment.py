"""What an installation says about itself: every value that differs between installations, read from the environment."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent

REQUIRED_IN_PRODUCTION = (
    "secret_key",
    "database_url",
    "redis_url",
    "email_url",
    "stripe_secret_key",
    "stripe_publishable_key",
    "stripe_webhook_secret",
)


class Environment(BaseSettings):
    """What an installation must or may say. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(env_file=BASE_DIR / ".env", extra="ignore")

    portal_env: Literal["development", "test", "production"] = "development"
    collect_for_production: bool = False  # Image build: hash and compress static files as production serves them.
    portal_demo: bool = False  # Demo people may exist and sign in.
    portal_base_url: str = "http://portal.localhost:8000"
    portal_vendor_name: str = "Meridian"
    portal_legal_entity: str = "Meridian Works GmbH"
    secret_key: str = ""
    database_url: str = ""
    database_pool: bool = False  # Web processes only: a pool in front of the database.
    redis_url: str = ""
    email_url: str = ""
    email_inbound_address: str = ""  # Replies go to name+…@domain of this one; empty: mail can't be answered.
    email_signing_key: str = ""  # With which a mail service signs its calls, where it does.
    provisioning_tokens: str = ""  # What the systems that set orders up show, comma-separated; empty: none may.
    email_webhook_secret: str = ""  # user:password that mail services show when they call; empty: none may.
    default_from_email: str = "Meridian <portal@vendor.example>"
    mail_sink_url: str = ""  # Where demo mail can be read; shown in the footer.
    media_root: Path = BASE_DIR / ".data" / "media"
    trusted_proxies: int = 0  # Proxies in front of the web process, each adding to X-Forwarded-For.
    allowed_hosts: str = ""  # Comma separated; the base URL's host is always allowed.

    dns_servers: str = ""  # Comma separated host:port; empty: those of the machine.
    outbound_loopback: bool = False  # Customers' servers may be on this machine: tests and the demo.

    stripe_api_base: str = ""  # Empty: Stripe itself.
    stripe_secret_key: str = ""
    stripe_publishable_key: str = ""
    stripe_js_url: str = "https://js.stripe.com/v3/"
    stripe_pay_page: Literal["card_form", "checkout"] = "card_form"  # Ours, or Stripe's own (Checkout).
    stripe_checkout_origin: str = "https://checkout.stripe.com"  # Where that is; a custom domain of the account's.
    stripe_webhook_secret: str = ""  # Several, comma separated, while one is being rotated.

    price_lock_added_units: bool = True  # Units added to what is held cost no more than those, until the renewal.
    erasure_wait_days: int = 14  # How long somebody may take back that they want to be erased.
    audit_signing_key_file: str = ""  # Workers only: the Ed25519 key (PEM) that seals the audit log's days.
    audit_public_key_file: str = ""  # Its public half, with which everybody may check them.

    salesforce_instance_url: str = ""  # Empty: nothing is synchronised, changes wait in the outbox.
    salesforce_login_url: str = ""
    salesforce_client_id: str = ""
    salesforce_username: str = ""
    salesforce_private_key_file: str = ""
    salesforce_ca_bundle: str = ""

    @property
    def production(self) -> bool:
        return self.portal_env == "production"

    @model_validator(mode="after")
    def customers_reach_nothing_inside(self) -> "Environment":
        if self.production and self.outbound_loopback:
            raise ValueError("OUTBOUND_LOOPBACK must be off in production: customers name servers of their own")
        return self

    @model_validator(mode="after")
    def customers_are_sent_to_stripe_alone(self) -> "Environment":
        page = urlsplit(self.stripe_checkout_origin)
        if not page.netloc or f"{page.scheme}://{page.netloc}" != self.stripe_checkout_origin:
            raise ValueError("STRIPE_CHECKOUT_ORIGIN must be scheme and host alone, as https://checkout.stripe.com")
        if page.scheme != "https" and (self.production or page.hostname not in ("127.0.0.1", "localhost", "::1")):
            raise ValueError("STRIPE_CHECKOUT_ORIGIN must start with https://")
        return self

    @model_validator(mode="after")
    def production_is_complete(self) -> "Environment":
        if self.production:
            if missing := [name.upper() for name in REQUIRED_IN_PRODUCTION if not getattr(self, name)]:
                raise ValueError(f"set {', '.join(missing)} in the environment")
            if len(self.secret_key) < 50:
                raise ValueError("SECRET_KEY must have at least 50 characters")
            if self.portal_demo:
                raise ValueError("PORTAL_DEMO must be off in production: run remove_demo_people, then unset it")
            if self.stripe_api_base:
                raise ValueError("STRIPE_API_BASE must be empty in production: payments go to Stripe")
            if not self.portal_base_url.startswith("https://"):
                raise ValueError("PORTAL_BASE_URL must start with https://")
        if self.stripe_api_base:
            if self.stripe_secret_key.startswith("sk_live_"):
                raise ValueError("a live STRIPE_SECRET_KEY must not be sent to STRIPE_API_BASE")
            target = urlsplit(self.stripe_api_base)
            if target.scheme == "http" and target.hostname not in ("127.0.0.1", "localhost", "::1"):
                raise ValueError("STRIPE_API_BASE without TLS must be on this machine")
        return self
