"""What an identity provider says about a person, and why it may not be believed."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reason(models.TextChoices):
    """Why a sign-in was refused: the sentence says what the company's administrator must mend."""

    PROVIDER_OFF = "provider_off", _("Single sign-on of this company is not switched on.")
    NOT_ENTITLED = "not_entitled", _("The company's contract no longer includes single sign-on.")
    CANCELLED = "cancelled", _("The identity provider did not sign the person in: %(detail)s")
    NO_ANSWER = "no_answer", _("The identity provider did not answer as it should: %(detail)s")
    MALFORMED = "malformed", _("The identity provider's answer can't be read: %(detail)s")
    UNSIGNED = (
        "unsigned",
        _("The assertion is not signed. Have the identity provider sign assertions, not only responses."),
    )
    BAD_SIGNATURE = (
        "bad_signature",
        _("The signature does not fit. Has the identity provider a new certificate or key? Bring its metadata again."),
    )
    EXPIRED = "expired", _("The answer has expired. Check the clock of the identity provider.")
    WRONG_AUDIENCE = (
        "wrong_audience",
        _("The answer is meant for another application. Check the entity id or client id at the identity provider."),
    )
    WRONG_ISSUER = "wrong_issuer", _("The answer comes from another issuer than the one set up here.")
    WRONG_NONCE = "wrong_nonce", _("The answer belongs to another sign-in. Start again from the sign-in page.")
    REPLAYED = "replayed", _("The answer has been used before. Start again from the sign-in page.")
    UNSOLICITED = (
        "unsolicited",
        _("Nobody asked for this answer. Start at our sign-in page, or let sign-in start at the identity provider."),
    )
    WRONG_STATE = (
        "wrong_state",
        _("This sign-in was started in another browser, or over ten minutes ago. Start again from the sign-in page."),
    )
    NO_EMAIL = (
        "no_email",
        _("The answer has no e-mail address. Send one in the attribute “%(detail)s”, or name another attribute."),
    )
    EMAIL_UNVERIFIED = (
        "email_unverified",
        _("The identity provider says that it has not verified the address %(detail)s."),
    )
    OUTSIDE_DOMAINS = (
        "outside_domains",
        _("The address %(detail)s is at none of the company's verified domains. Verify its domain first."),
    )
    STAFF = (
        "staff",
        _("%(detail)s works for the vendor of this portal, and can't sign in by a customer's identity provider."),
    )
    FURTHER_ADDRESS = (
        "further_address",
        _(
            "%(detail)s is a further address of somebody who signs in with another one, at none of the company's "
            "domains. Invite the person, who then signs in as before, or have the address taken from that account."
        ),
    )
    INACTIVE = "inactive", _("%(detail)s has been deactivated. An administrator can activate the person again.")
    NOT_A_MEMBER = (
        "not_a_member",
        _("%(detail)s is no member of the company. Invite the person, or let sign-in make members."),
    )
    NO_ROLE = "no_role", _("No role fits the values received (%(detail)s). Add one of them to the roles by value.")


LONGEST_SUBJECT = 255  # Characters.


class SsoRefused(Exception):
    """The sign-in is refused, and nothing has changed."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason.value, detail)
        self.reason = reason
        self.detail = detail[:300].replace("\x00", "")  # Of the outside world; it is recorded.

    @property
    def advice(self) -> str:
        """What the administrator must mend."""
        return str(self.reason.label) % {"detail": self.detail}


@dataclass(frozen=True)
class Answer:
    """What the identity provider says, after its signature, its time and its addressee have been checked."""

    id: str  # Of the answer itself.
    subject: str  # Of the person, at that provider.
    expires_at: datetime  # Nobody accepts it after that.
    attributes: dict[str, list[str]] = field(default_factory=dict)
    in_response_to: str = ""  # The request it answers; empty: nobody asked.

    def __post_init__(self) -> None:
        """Of what is to be kept, PostgreSQL takes no null character. Raises `SsoRefused`."""
        texts = [self.subject, *(value for values in self.attributes.values() for value in values)]
        if len(self.subject) > LONGEST_SUBJECT or any("\x00" in text for text in texts):
            raise SsoRefused(Reason.MALFORMED, self.subject)

    def first(self, *names: str) -> str:
        """The first value of the first attribute that has one."""
        return next((value for name in names for value in self.attributes.get(name, []) if value), "")
