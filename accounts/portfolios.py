"""Portfolios of the vendor's people: who looks after which company, handing companies over, and holiday cover."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pghistory
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Account, Cover, Handover, HandoverLine, Membership, TeamRole, User
from accounts.notifications import notify
from accounts.notifications.team import AccountTeamChanged, CoverArranged, PortfolioGiven, PortfolioReceived
from accounts.permissions import Role
from tracking.actor import Actor

REASSIGN = "accounts.reassign_accounts"

# Who looks after a company today


@dataclass(frozen=True)
class TeamMember:
    """One of the vendor's people that a company talks to, and who is there for them today."""

    role: TeamRole
    person: User
    cover: Cover | None = None

    @property
    def present(self) -> User:
        """Who answers today, and whom mail and tasks go to."""
        return self.cover.stand_in if self.cover else self.person


def account_team(account: Account, today: date) -> list[TeamMember]:
    """The people of an account (read with it) and who stands in for them. One query; none without people."""
    people = [(role, getattr(account, role.value)) for role in TeamRole]
    named: list[tuple[TeamRole, User]] = [(role, person) for role, person in people if person is not None]
    if not named:
        return []
    covers = Cover.objects.running(today).filter(absentee__in=[person.pk for _role, person in named])
    running = {cover.absentee_id: cover for cover in covers.select_related("stand_in")}
    return [TeamMember(role, person, running.get(person.pk)) for role, person in named]


def accounts_of(people: Iterable[User]) -> QuerySet[Account]:
    """The active companies that one of these looks after."""
    ids = [person.pk for person in people]
    return Account.objects.filter(Q(owner__in=ids) | Q(sales_contact__in=ids), is_active=True)


# Handing over


class NotYoursToGive(Exception):
    """One of the companies is somebody else's, and giving those away takes a permission of its own."""


class TakerUnfit(Exception):
    """The person who should get the companies is not an active member of the staff."""


class NothingToHandOver(Exception):
    """Everything that was previewed has gone to somebody else since."""


@dataclass(frozen=True)
class Move:
    """One company leaves one person; `holder_id` is who had it when the move was previewed, None for nobody."""

    account_id: int
    role: TeamRole
    holder_id: int | None


def plan_moves(
    *, accounts: Iterable[Account], roles: Collection[TeamRole], taker: User, giver: User | None
) -> list[Move]:
    """What handing these companies to `taker` would change; with `giver`, only what is theirs."""
    return [
        Move(account.pk, role, holder)
        for account in accounts
        for role in roles
        if (holder := getattr(account, f"{role.value}_id")) != taker.pk and (giver is None or holder == giver.pk)
    ]


def may_move(user: User, move: Move) -> bool:
    """One's own companies are given away by whoever may change companies, others by `reassign_accounts`."""
    return user.has_perm(REASSIGN) or (user.has_perm("accounts.change_account") and move.holder_id == user.pk)


def hand_over(
    *, moves: Sequence[Move], taker: User, reason: str, made_by: User, now: datetime, tells_customers: bool = False
) -> Handover:
    """Give companies to `taker`, effective now, and tell those concerned; Salesforce hears by its triggers.

    A move whose company has changed hands since it was planned is left out: two hand-overs at once never take a
    company away from somebody who has only just got it.

    Raises `NotYoursToGive`, `TakerUnfit` and `NothingToHandOver`.
    """
    if not (taker.is_active and taker.is_staff):
        raise TakerUnfit(_("%(name)s cannot look after companies.") % {"name": taker})
    if not all(may_move(made_by, move) for move in moves):
        raise NotYoursToGive(_("Some of these companies are not yours to give."))
    ids = {move.account_id for move in moves}
    audit = Actor.staff(made_by.pk).as_metadata()
    with transaction.atomic(), pghistory.context(**audit, hand_over_reason=reason):
        # In the order of their numbers, so that two hand-overs at once never wait for each other in a circle.
        taken = Account.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
        rows = {account.pk: account for account in taken}
        standing = [move for move in moves if _stands(move, rows)]
        if not standing:
            raise NothingToHandOver(_("These companies have changed hands since. Look again."))
        made = Handover.objects.create(taker=taker, reason=reason, made_by=made_by, made_at=now)
        HandoverLine.objects.bulk_create(
            HandoverLine(handover=made, account_id=move.account_id, role=move.role, giver_id=move.holder_id)
            for move in standing
        )
        for role in TeamRole:
            moved = [move.account_id for move in standing if move.role == role]
            Account.objects.filter(pk__in=moved).update(**{role.value: taker})
        _tell(made, tells_customers=tells_customers)
    return made


def _stands(move: Move, rows: dict[int, Account]) -> bool:
    account = rows.get(move.account_id)
    return account is not None and getattr(account, f"{move.role.value}_id") == move.holder_id


def _tell(made: Handover, *, tells_customers: bool) -> None:
    """The one who gets the companies, those who had them, and if wished the administrators of each."""
    lines = list(made.lines.select_related("account", "giver").order_by("account__name", "pk"))
    context: dict[str, object] = {"handover": made}
    names = sorted({line.account.name for line in lines})
    notify(kind=PortfolioReceived, to=[made.taker], account=None, context=context | {"names": names})
    for giver in {line.giver for line in lines if line.giver is not None}:
        given = sorted({line.account.name for line in lines if line.giver == giver})
        notify(kind=PortfolioGiven, to=[giver], account=None, context=context | {"names": given})
    if tells_customers:
        for account in {line.account for line in lines}:
            roles = [TeamRole(line.role).label for line in lines if line.account == account]
            notify(
                kind=AccountTeamChanged,
                to=_administrators(account),
                account=account,
                context=context | {"roles": roles},
            )


def _administrators(account: Account) -> list[User]:
    members = Membership.objects.active().for_account(account).filter(roles__contains=[Role.ADMINISTRATOR])
    return [member.user for member in members.select_related("user")]


# Holiday cover


class CoverRefused(Exception):
    """The cover cannot be; the message says why."""


def arrange_cover(
    *, absentee: User, stand_in: User, first_date: date, last_date: date, made_by: User, now: datetime
) -> Cover:
    """While `absentee` is away, both days included, `stand_in` looks after their companies.

    Raises `CoverRefused` for days that are over or the wrong way round, when somebody stands in already, and when the
    stand-in is away then too; `NotYoursToGive` for another's holiday without `reassign_accounts`.
    """
    if made_by != absentee and not made_by.has_perm(REASSIGN):
        raise NotYoursToGive(_("You can arrange cover for yourself only."))
    end_date = last_date + timedelta(days=1)
    if last_date < first_date or last_date < now.date():
        raise CoverRefused(_("The last day comes after the first one, and is not over."))
    if stand_in == absentee or not (stand_in.is_active and stand_in.is_staff):
        raise CoverRefused(_("Choose a colleague who is there."))
    if Cover.objects.filter(absentee=stand_in).overlapping(first_date, end_date).exists():
        raise CoverRefused(_("%(name)s is away then too.") % {"name": stand_in})
    try:
        with transaction.atomic():
            cover = Cover.objects.create(
                absentee=absentee,
                stand_in=stand_in,
                start_date=first_date,
                end_date=end_date,
                made_by=made_by,
                created_at=now,
            )
    except IntegrityError as error:
        if "cover_one_at_a_time" not in str(error):
            raise
        raise CoverRefused(_("Somebody stands in on some of these days already.")) from error
    notify(kind=CoverArranged, to=[stand_in, absentee], account=None, context={"cover": cover})
    return cover


def end_cover(*, cover: Cover, ended_by: User, today: date) -> None:
    """Back early, or not going at all. Raises `NotYoursToGive`."""
    if ended_by not in (cover.absentee, cover.stand_in) and not ended_by.has_perm(REASSIGN):
        raise NotYoursToGive(_("You can end your own cover only."))
    cover.end(today)
