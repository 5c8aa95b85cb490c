"""Who does something: stamped on events, audit entries, quotes and orders."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    CUSTOMER = "customer"
    STAFF = "staff"
    SYSTEM = "system"
    CRM = "crm"


@dataclass(frozen=True)
class Actor:
    """The person or process behind a change, and the account it is made for.

    `on_behalf_of` is the user a member of staff is viewing the portal as: the actor stays staff, so that a staff
    action is never counted as the customer's.
    """

    user_id: int | None
    account_id: int | None
    kind: ActorKind
    on_behalf_of: int | None = None

    @classmethod
    def system(cls, account_id: int | None = None) -> "Actor":
        return cls(user_id=None, account_id=account_id, kind=ActorKind.SYSTEM)

    @classmethod
    def crm(cls, account_id: int | None = None) -> "Actor":
        return cls(user_id=None, account_id=account_id, kind=ActorKind.CRM)

    @classmethod
    def staff(cls, user_id: int, account_id: int | None = None) -> "Actor":
        return cls(user_id=user_id, account_id=account_id, kind=ActorKind.STAFF)

    def as_metadata(self) -> dict[str, object]:
        """The form in which audit entries keep it."""
        return asdict(self)
