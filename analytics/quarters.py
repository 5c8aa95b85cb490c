"""Quarters, by which a manager reads what the portal earns. Half-open, in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

FIRST_YEAR = 2000


class NoSuchQuarter(ValueError):
    """The text names no quarter, or one that has not begun."""


@dataclass(frozen=True, order=True, slots=True)
class Quarter:
    """One quarter of a calendar year."""

    year: int
    number: int  # 1 to 4.

    @classmethod
    def of(cls, moment: datetime) -> Quarter:
        """The quarter in which a moment lies."""
        moment = moment.astimezone(UTC)
        return cls(moment.year, (moment.month + 2) // 3)

    @classmethod
    def parse(cls, text: str, *, now: datetime) -> Quarter:
        """The quarter that people write 2026-Q4. Raises `NoSuchQuarter`."""
        match = re.fullmatch(r"([0-9]{4})-Q([1-4])", text)
        quarter = cls(int(match[1]), int(match[2])) if match else None
        if quarter is None or not cls(FIRST_YEAR, 1) <= quarter <= cls.of(now):
            raise NoSuchQuarter(text)
        return quarter

    @property
    def code(self) -> str:
        return f"{self.year}-Q{self.number}"

    @property
    def label(self) -> str:
        return f"Q{self.number} {self.year}"

    @property
    def start_at(self) -> datetime:
        return datetime(self.year, self.number * 3 - 2, 1, tzinfo=UTC)

    @property
    def end_at(self) -> datetime:
        """The first moment of the next quarter."""
        return self.minus(-1).start_at

    def minus(self, quarters: int) -> Quarter:
        """So many quarters earlier."""
        year, index = divmod(self.year * 4 + self.number - 1 - quarters, 4)
        return Quarter(year, index + 1)

    def until_this(self, count: int) -> tuple[Quarter, ...]:
        """The last `count` quarters up to this one, oldest first."""
        return tuple(self.minus(count - 1 - index) for index in range(count))
