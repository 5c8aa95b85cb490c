"""Who may be one person with several entries: what two entries have in common, and how much that says."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db import connection
from django.utils.translation import gettext_lazy as _
from psycopg.sql import SQL

from accounts.models import Account, DistinctPair, Membership, User

CERTAIN = 100
SHOWN = 50
# What many share says nothing about two of them: a switchboard's number, "info@".
LARGEST_GROUP = 6


class Likeness(StrEnum):
    """Something that two entries have in common."""

    MAILBOX = "mailbox"
    NAME = "name"
    LOCAL_PART = "local_part"
    PHONE = "phone"

    @property
    def label(self) -> str:
        return str(
            {
                Likeness.MAILBOX: _("The same mailbox, written with a +tag"),
                Likeness.NAME: _("The same name in one company"),
                Likeness.LOCAL_PART: _("The same address at two domains, in one company"),
                Likeness.PHONE: _("The same phone number"),
            }[self]
        )


WEIGHTS = {Likeness.MAILBOX: 70, Likeness.NAME: 50, Likeness.LOCAL_PART: 40, Likeness.PHONE: 30}


def score(likenesses: Collection[Likeness]) -> int:
    """How sure it is that two entries are one person, from 0 to `CERTAIN`.

    Each likeness takes its share of the doubt that the others leave: two of them say more than one, and never all.
    """
    doubt = 1.0
    for likeness in set(likenesses):
        doubt *= 1 - WEIGHTS[likeness] / CERTAIN
    return round(CERTAIN * (1 - doubt))


@dataclass(frozen=True)
class Candidate:
    """Two entries that may be one person."""

    first: User
    second: User
    likenesses: tuple[Likeness, ...]
    score: int
    companies: tuple[str, ...] = ()


# Customers' entries that nobody has joined yet, each with what it could have in common with another: a person, a kind
# of likeness, and a key that is equal where they are alike. Names are compared without case, accents, order of words.
_KEYS = """
WITH people AS (
  SELECT id, lower(email) AS email, regexp_replace(phone, '[^0-9]', '', 'g') AS phone,
    (SELECT string_agg(word, ' ' ORDER BY word) FROM regexp_split_to_table(
       regexp_replace(normalize(lower(name), NFKD), '[\u0300-\u036f]', '', 'g'), '[^[:alnum:]]+') AS word
     WHERE word <> '') AS name
  FROM accounts_user WHERE is_active AND NOT is_staff AND merged_into_id IS NULL
), places AS (
  SELECT people.*, account_id FROM people JOIN accounts_membership ON user_id = people.id
), keys AS (
  SELECT id, 'mailbox' AS kind, regexp_replace(email, '[+][^@]*', '') AS key FROM people
  UNION SELECT id, 'phone', right(phone, 9) FROM people WHERE length(phone) >= 7
  UNION SELECT id, 'name', account_id || ' ' || name FROM places WHERE name LIKE '%% %%'
  UNION SELECT id, 'local_part', account_id || ' ' || split_part(split_part(email, '@', 1), '+', 1) FROM places
), shared AS (
  SELECT id, kind, key FROM (SELECT *, count(*) OVER (PARTITION BY kind, key) AS people FROM keys) AS counted
  WHERE people BETWEEN 2 AND %s
)
SELECT one.id, other.id, array_agg(DISTINCT one.kind) AS kinds
FROM shared AS one JOIN shared AS other ON other.kind = one.kind AND other.key = one.key AND one.id < other.id
WHERE NOT EXISTS (SELECT FROM accounts_distinctpair WHERE first_id = one.id AND second_id = other.id)
GROUP BY one.id, other.id
"""
_OF_TWO = SQL("SELECT kinds FROM ({}) AS pair (one, other, kinds) WHERE one = %s AND other = %s").format(SQL(_KEYS))


def candidates(*, limit: int = SHOWN) -> list[Candidate]:
    """The likeliest pairs first. Three queries, however many people there are."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, [LARGEST_GROUP])
        pairs = [(first, second, tuple(sorted(map(Likeness, kinds)))) for first, second, kinds in cursor.fetchall()]
    likeliest = sorted(pairs, key=lambda pair: (-score(pair[2]), pair[0], pair[1]))[:limit]
    ids = {pk for first, second, _kinds in likeliest for pk in (first, second)}
    people = User.objects.in_bulk(ids)
    companies = _companies(ids)
    return [
        Candidate(
            people[first], people[second], kinds, score(kinds), tuple(sorted({*companies[first], *companies[second]}))
        )
        for first, second, kinds in likeliest
    ]


def likenesses_of(first: User, second: User) -> tuple[Likeness, ...]:
    """What the two have in common, wherever they stand among the candidates. Nothing: nobody would suggest them."""
    low, high = sorted((first.pk, second.pk))
    with connection.cursor() as cursor:
        cursor.execute(_OF_TWO, [LARGEST_GROUP, low, high])
        row = cursor.fetchone()
    return tuple(sorted(map(Likeness, row[0]))) if row else ()


def _companies(ids: Iterable[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {pk: [] for pk in ids}
    rows = Membership.objects.filter(user__in=found).values_list("user", "account__name")
    for user_id, name in rows:
        found[user_id].append(name)
    return found


def tell_apart(*, first: User, second: User, by: User) -> None:
    """Remember that the two are two people. Saying it twice is once."""
    low, high = sorted((first, second), key=lambda user: user.pk)
    DistinctPair.objects.get_or_create(first=low, second=high, defaults={"decided_by": by})


def namesakes(account: Account, *, name: str, email: str) -> list[User]:
    """Colleagues of the company who may be the person that somebody is about to invite: for a hint, not a refusal."""
    local_part = email.partition("@")[0].partition("+")[0]
    members = Membership.objects.for_account(account).active().select_related("user")
    alike = members.filter(user__email__istartswith=f"{local_part}@")
    if name.strip():
        alike = alike | members.filter(user__name__iexact=name.strip())
    return [member.user for member in alike.exclude(user__email__iexact=email).order_by("user__name", "pk")[:3]]
