"""What Home is put together from: each fact is read once, and only when a widget that is shown asks for it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from accounts.http import AccountRequest
from accounts.models import Entitlements
from commerce.contracts import contracts
from commerce.contracts.contracts import ContractOverview
from commerce.contracts.usage import MeterUse, meters_on
from recommendations.services import Recommendation, recommend


@dataclass
class Facts:
    """A company on one day, as a person of it asks for Home."""

    request: AccountRequest
    now: datetime

    def __post_init__(self) -> None:
        self.account, self.membership = self.request.account, self.request.membership
        self.local_now = self.now.astimezone(ZoneInfo(self.account.time_zone))
        self.today = self.local_now.date()

    @cached_property
    def contract(self) -> ContractOverview | None:
        return contracts.overview(self.account, self.today)

    @cached_property
    def entitlements(self) -> Entitlements:
        return Entitlements.of(self.account, today=self.today)

    @cached_property
    def meters(self) -> list[MeterUse]:
        return meters_on(self.account, self.today, self.entitlements)

    @cached_property
    def recommendations(self) -> list[Recommendation]:
        return recommend(
            account=self.account,
            today=self.today,
            usage={one.meter: one.used for one in self.meters if one.used is not None},
            entitlements=self.entitlements,
            contract=self.contract,
        )
