"""Settings of the portal: one file, driven by the environment.

Every value that differs between installations is a field of `portal.environment.Environment`. Production refuses to
start, with one line, while a secret is missing or a demo switch is on.
"""

import sys
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.utils.translation import gettext_lazy as _
from pghistory import ContextJSONField, ContextUUIDField
from pydantic import ValidationError

from accounts.pool import reset_connection
from portal import logs, unfold
from portal.environment import BASE_DIR, Environment

django_stubs_ext.monkeypatch()  # Makes ModelForm[Account] and its like work at run time.

try:
    ENV = Environment()
except ValidationError as error:
    lines = "; ".join(str(problem["msg"]).removeprefix("Value error, ") for problem in error.errors())
    sys.exit(f"The portal cannot start: {lines}.")

PRODUCTION = ENV.production
TESTING = ENV.portal_env == "test"
DEBUG = False
PORTAL_DEMO = ENV.portal_demo
PORTAL_BASE_URL = ENV.portal_base_url.rstrip("/")
VENDOR_NAME = ENV.portal_vendor_name
LEGAL_ENTITY = ENV.portal_legal_entity
MAIL_SINK_URL = ENV.mail_sink_url

SECRET_KEY = ENV.secret_key or "development-only-" + "x" * 50
ALLOWED_HOSTS = [urlsplit(PORTAL_BASE_URL).hostname or "localhost", *filter(None, ENV.allowed_hosts.split(","))]
if not PRODUCTION:
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", ".localhost", "testserver"]
CSRF_TRUSTED_ORIGINS = [PORTAL_BASE_URL]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_cotton",
    "django_htmx",
    "django_structlog",
    "hijack",
    "ninja",
    "pghistory",
    "pgtrigger",
    "rules",
    "tracking",
    "accounts",
    "knowledge",
    "cases",
    "commerce",
    "recommendations",
    "crm",
    "analytics",
    "portal",
]
LOCAL_APPS = ["tracking", "accounts", "knowledge", "cases", "commerce", "recommendations", "crm", "analytics", "portal"]

MIDDLEWARE = [
    "accounts.brands.brand_of_the_host",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.RequestLogMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "portal.middleware.resource_headers",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.session_limits.SessionLimitsMiddleware",  # Asks once the company is known: see there.
    "accounts.middleware.AccountScopeMiddleware",
    "accounts.languages.in_their_language",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.page",
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "django.templatetags.i18n",
                "django.templatetags.static",
                "accounts.templatetags.company_forms",
                "accounts.templatetags.wording",
            ],
        },
    }
]
COTTON_DIR = "cotton"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.insert(0, "django.forms")

# The database. The application connects as the owner; customer requests switch to portal_customer (accounts/scope.py).
DATABASES = {
    "default": dj_database_url.parse(ENV.database_url or "postgres://portal@127.0.0.1:5432/portal", conn_max_age=0)
}
DATABASES["default"].setdefault("OPTIONS", {})
# The time zone is a start-up option of the connection, so that RESET ALL in the pool returns to it.
DATABASES["default"]["OPTIONS"]["options"] = "-c timezone=UTC"
DATABASES["default"]["OPTIONS"]["connect_timeout"] = 5
# Only accounts.compiled prepares statements. A pooler between portal and database, if any, must carry them.
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = 1
if ENV.database_pool:
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": 8,  # At least the threads of one gunicorn worker.
        "timeout": 5,
        "reset": reset_connection,
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 0 if TESTING else 60
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = ENV.redis_url or "redis://127.0.0.1:6379/0"
CACHES = {
    "default": {
        "BACKEND": "portal.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "portal",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

# People and sign-in.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "rules.permissions.ObjectPermissionBackend",  # Customers' permissions: accounts/rules.py.
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "accounts.passwords.LengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_FORMS = {
    "login": "accounts.sign_in_forms.LoginForm",
    "signup": "accounts.sign_in_forms.SignupForm",
    "reset_password": "accounts.sign_in_forms.ResetPasswordForm",
    "request_login_code": "accounts.sign_in_forms.RequestLoginCodeForm",
}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 600
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600  # Seconds that a confirmation, or a sign-in, lasts: accounts.http.step_up.
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 180  # Seconds that a code by mail is good for, to sign in and to confirm.
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ALLAUTH_TRUSTED_PROXY_COUNT = ENV.trusted_proxies  # Whose addresses the rate limits below do not count.
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key,20/5m/ip", "login": "60/m/ip"}
ACCOUNT_EMAIL_NOTIFICATIONS = True  # Whoever changes password, address or second factor is told by mail.
MFA_ADAPTER = "accounts.second_factors.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "add_webauthn": "accounts.second_factors.AddWebAuthnForm",
    "edit_webauthn": "accounts.second_factors.EditWebAuthnForm",
    "authenticate_webauthn": "accounts.second_factors.AuthenticateWebAuthnForm",
    "login_webauthn": "accounts.second_factors.LoginWebAuthnForm",
    "reauthenticate_webauthn": "accounts.second_factors.ReauthenticateWebAuthnForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True  # A passkey is bound to the host's name; by a bare address there are none.
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION  # http://portal.localhost.
MFA_RECOVERY_CODES_SHOW_ONCE = True

DNS_SERVERS = [server for server in ENV.dns_servers.split(",") if server]
OUTBOUND_LOOPBACK = ENV.outbound_loopback

# How long a session lasts without a click, and in any case. A company may be stricter: accounts/session_limits.py.
CUSTOMER_SESSION_LIMITS = {"idle": timedelta(hours=12), "absolute": timedelta(days=14)}
STAFF_SESSION_LIMITS = {"idle": timedelta(hours=1), "absolute": timedelta(hours=12)}
STAFF_SECOND_FACTOR_REQUIRED = PRODUCTION
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = ["^livez$", "^healthz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    # Browsers take such a cookie over TLS alone, and give it to no other host of the domain.
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SILENCED_SYSTEM_CHECKS: list[str] = []
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "portal.errors.csrf_failed"
SECURE_REFERRER_POLICY = "same-origin"

# Content-Security-Policy: nothing inline anywhere but in the staff admin (portal.admin_site).
_STRIPE_JS = urlsplit(ENV.stripe_js_url)
STRIPE_JS_ORIGIN = f"{_STRIPE_JS.scheme}://{_STRIPE_JS.netloc}"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# django-unfold needs Alpine's evaluator and inline styles; staff only.
ADMIN_CSP_ADDITIONS = {"script-src": [UNSAFE_INLINE, UNSAFE_EVAL], "style-src": [UNSAFE_INLINE]}

# Languages and time.
LANGUAGE_CODE = "en"
# What people may choose: each language once its catalogue is complete (tests/portal/test_translations.py).
LANGUAGES = [("en", _("English")), ("de", _("German")), ("es", _("Spanish")), ("ar", _("Arabic"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = PRODUCTION
FORMAT_MODULE_PATH = ["portal.formats"]

# Files.
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [path for path in [BASE_DIR / ".build" / "static"] if path.is_dir()]
WHITENOISE_USE_FINDERS = not PRODUCTION
# /favicon.ico, which browsers ask for where no page names the icon. It is the SVG, and says so.
WHITENOISE_ROOT = next((path for path in [BASE_DIR / ".build" / "root"] if path.is_dir()), None)
WHITENOISE_MIMETYPES = {"favicon.ico": "image/svg+xml"}
# Typefaces of quotes and invoices, put there by `npm run build`.
DOCUMENT_FONTS = BASE_DIR / ".build" / "fonts"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION or ENV.collect_for_production
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MEDIA_ROOT = ENV.media_root
MEDIA_URL = "/media-is-never-served/"  # Files leave through accounts.views.download alone.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
UPLOAD_MAX_BYTES = 10 * 1024 * 1024

# Mail: EMAIL_URL=smtp[s]://user:password@host:port, or a mail service with an interface of its own (anymail):
# postmark://server-token@, sendgrid://api-key@, mailgun://api-key@sender.domain, brevo://api-key@, resend://api-key@
_MAIL = urlsplit(ENV.email_url)
MAIL_SERVICE = _MAIL.scheme if _MAIL.scheme in ("brevo", "mailgun", "postmark", "resend", "sendgrid") else ""
if MAIL_SERVICE:
    EMAIL_BACKEND = f"anymail.backends.{MAIL_SERVICE}.EmailBackend"
elif ENV.email_url:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
ANYMAIL: dict[str, Any] = {
    "WEBHOOK_SECRET": [secret for secret in ENV.email_webhook_secret.split(",") if secret],  # Several while rotating.
    "REQUESTS_TIMEOUT": 10,
    "POSTMARK_SERVER_TOKEN": unquote(_MAIL.username or ""),
    "MAILGUN_API_KEY": unquote(_MAIL.username or ""),
    "MAILGUN_SENDER_DOMAIN": _MAIL.hostname or "",
    "MAILGUN_WEBHOOK_SIGNING_KEY": ENV.email_signing_key or unquote(_MAIL.username or ""),
    "SENDGRID_API_KEY": unquote(_MAIL.username or ""),
    "BREVO_API_KEY": unquote(_MAIL.username or ""),
    "RESEND_API_KEY": unquote(_MAIL.username or ""),
    "RESEND_SIGNING_SECRET": ENV.email_signing_key or None,
}
EMAIL_HOST = _MAIL.hostname or "localhost"
EMAIL_PORT = _MAIL.port or 25
EMAIL_HOST_USER = unquote(_MAIL.username or "")
EMAIL_HOST_PASSWORD = unquote(_MAIL.password or "")
EMAIL_USE_SSL = _MAIL.scheme == "smtps"
EMAIL_USE_TLS = _MAIL.scheme == "smtp" and bool(_MAIL.username)  # A password never travels in clear.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = ENV.default_from_email
EMAIL_INBOUND_ADDRESS = ENV.email_inbound_address

# Audit by database triggers; who acted travels with each row.
PGHISTORY_CONTEXT_FIELD = ContextJSONField()
PGHISTORY_CONTEXT_ID_FIELD = ContextUUIDField()
PGHISTORY_APPEND_ONLY = True

ERASURE_WAIT_DAYS = ENV.erasure_wait_days

# The audit log's seals: read by accounts.audit.sealing alone. The web process has no signing key.
AUDIT_SIGNING_KEY_FILE = ENV.audit_signing_key_file
AUDIT_PUBLIC_KEY_FILE = ENV.audit_public_key_file

# Systems that set up what customers bought, and say so (commerce.provisioning_api). Several while one takes over.
PROVISIONING_TOKENS = [token.strip() for token in ENV.provisioning_tokens.split(",") if token.strip()]

# What is promised of prices: read by commerce.configuring alone.
PRICE_LOCK_ADDED_UNITS = ENV.price_lock_added_units

# Stripe and Salesforce: read by commerce.stripe_gateway and crm.client alone.
STRIPE_API_BASE = ENV.stripe_api_base
STRIPE_SECRET_KEY = ENV.stripe_secret_key
STRIPE_PUBLISHABLE_KEY = ENV.stripe_publishable_key
STRIPE_JS_URL = ENV.stripe_js_url
STRIPE_PAY_PAGE = ENV.stripe_pay_page
STRIPE_CHECKOUT_ORIGIN = ENV.stripe_checkout_origin
STRIPE_WEBHOOK_SECRETS = [secret for secret in ENV.stripe_webhook_secret.split(",") if secret]
SALESFORCE_INSTANCE_URL = ENV.salesforce_instance_url
SALESFORCE_LOGIN_URL = ENV.salesforce_login_url or ENV.salesforce_instance_url
SALESFORCE_CLIENT_ID = ENV.salesforce_client_id
SALESFORCE_USERNAME = ENV.salesforce_username
SALESFORCE_PRIVATE_KEY_FILE = ENV.salesforce_private_key_file
SALESFORCE_CA_BUNDLE = ENV.salesforce_ca_bundle

# Jobs.
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 90
CELERY_TASK_SOFT_TIME_LIMIT = 75
# Above the hard time limit (a running task is not handed out twice), short enough to recover after a killed worker.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "retry_policy": {"max_retries": 1, "interval_start": 0.1, "interval_max": 0.2},
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# Every schedule of the portal. Seconds, or a crontab in UTC.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "heartbeat": {"task": "portal.tasks.beat", "schedule": 10, "options": {"expires": 30}},
    "flush-page-views": {"task": "tracking.tasks.flush_page_views", "schedule": 10, "options": {"expires": 10}},
    "send-mail": {"task": "accounts.tasks.send_due_mail", "schedule": 10, "options": {"expires": 10}},
    "take-in-mail": {"task": "accounts.tasks.take_in_mail", "schedule": 15, "options": {"expires": 15}},
    "write-digests": {
        "task": "accounts.tasks.write_digests",
        "schedule": crontab(minute="*/15"),
        "options": {"expires": 900},
    },
    "resume-member-imports": {
        "task": "accounts.tasks.resume_member_imports",
        "schedule": 120,
        "options": {"expires": 120},
    },
    "remove-leftover-files": {
        "task": "accounts.tasks.remove_leftover_files",
        "schedule": crontab(hour=3, minute=20),
        "options": {},
    },
    "collect-audit": {"task": "accounts.tasks.collect_audit", "schedule": 5, "options": {"expires": 5}},
    "make-data-exports": {"task": "accounts.tasks.make_data_exports", "schedule": 60, "options": {"expires": 60}},
    "carry-out-erasures": {"task": "accounts.tasks.carry_out_erasures", "schedule": 600, "options": {"expires": 600}},
    "keep-retention": {"task": "accounts.tasks.keep_retention", "schedule": crontab(hour=3, minute=40), "options": {}},
    "look-for-unusual": {"task": "accounts.tasks.look_for_unusual", "schedule": 300, "options": {"expires": 300}},
    "seal-audit": {"task": "accounts.tasks.seal_audit", "schedule": crontab(minute=7), "options": {}},
    "process-webhooks": {"task": "commerce.tasks.process_webhooks", "schedule": 10, "options": {"expires": 10}},
    "resume-payments": {"task": "commerce.tasks.resume_payments", "schedule": 15, "options": {"expires": 15}},
    "remind-of-invoices": {"task": "commerce.tasks.remind_of_invoices", "schedule": crontab(minute=20), "options": {}},
    "compare-totals": {"task": "commerce.tasks.compare_totals", "schedule": crontab(hour=3, minute=40), "options": {}},
    "collect-invoices": {"task": "commerce.tasks.collect_invoices", "schedule": 600, "options": {"expires": 600}},
    "reconcile-payments": {"task": "commerce.tasks.reconcile_payments", "schedule": 600, "options": {"expires": 600}},
    "expire-quotes": {"task": "commerce.tasks.expire_quotes", "schedule": crontab(minute=5), "options": {}},
    "apply-contract-changes": {
        "task": "commerce.tasks.apply_contract_changes",
        "schedule": crontab(minute=2),
        "options": {},
    },
    "run-renewals": {"task": "commerce.tasks.run_renewals", "schedule": crontab(minute=3), "options": {}},
    "tell-of-renewals": {"task": "commerce.tasks.tell_of_renewals", "schedule": 300, "options": {"expires": 300}},
    "set-orders-up": {"task": "commerce.tasks.set_orders_up", "schedule": 60, "options": {"expires": 60}},
    "bill-contracts": {"task": "commerce.tasks.bill_contracts", "schedule": crontab(minute=15), "options": {}},
    "check-books": {"task": "commerce.tasks.check_books", "schedule": crontab(hour=2, minute=30), "options": {}},
    "escalate-approvals": {"task": "commerce.tasks.escalate_approvals", "schedule": crontab(minute=10), "options": {}},
    "resume-matching": {"task": "commerce.tasks.resume_matching", "schedule": 60, "options": {"expires": 60}},
    "resume-quote-pricings": {
        "task": "commerce.tasks.resume_quote_pricings",
        "schedule": 30,
        "options": {"expires": 30},
    },
    "draw-quotes": {"task": "commerce.tasks.draw_quotes", "schedule": 60, "options": {"expires": 60}},
    "sweep-configurations": {
        "task": "commerce.tasks.sweep_configurations",
        "schedule": crontab(minute=25),
        "options": {},
    },
    "push-to-crm": {"task": "crm.tasks.push", "schedule": 3, "options": {"expires": 3}},
    "pull-from-crm": {"task": "crm.tasks.pull", "schedule": 30, "options": {"expires": 30}},
}

# Logs. Request ids reach the jobs that a request started.
DJANGO_STRUCTLOG_CELERY_ENABLED = True
LOGGING = logs.configured(production=PRODUCTION, testing=TESTING)

UNFOLD = unfold.configured(vendor=VENDOR_NAME)
