"""Reads SOQL: a query in, a tree out. Knows the grammar and nothing about objects or fields."""

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from sandbox.salesforce.errors import ApiError

TokenKind = Literal["string", "datetime", "date", "number", "name", "operator", "end"]
LiteralKind = Literal["string", "datetime", "date", "number", "boolean", "null", "period"]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^'\\]|\\.)*')
    |(?P<datetime>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2}))
    |(?P<date>\d{4}-\d{2}-\d{2})
    |(?P<number>[+-]?\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<operator><=|>=|!=|<>|[=<>(),:])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "N": "\n", "R": "\r", "T": "\t"}
MAX_PERIOD_DIGITS = 5
MAX_NUMBER = 2**31 - 1
PERIODS = frozenset({"TODAY", "YESTERDAY", "TOMORROW", "LAST_N_DAYS", "NEXT_N_DAYS"})
AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
COMPARISONS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class Token:
    kind: TokenKind
    text: str
    position: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "name" else ""


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A field, by way of its parents: `Account.Owner.Name`. The position serves error messages."""

    parts: tuple[str, ...]
    position: int

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`MAX(SystemModstamp) latest`."""

    function: str
    path: FieldPath
    alias: str


@dataclass(frozen=True, slots=True)
class Operand:
    """A value of a condition as it was written. A period is `TODAY` or `LAST_N_DAYS:7`."""

    kind: LiteralKind
    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    path: FieldPath
    operator: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by AND or by OR."""

    word: Literal["AND", "OR"]
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Negation:
    part: "Condition"


Condition = Comparison | Junction | Negation


@dataclass(frozen=True, slots=True)
class Ordering:
    path: FieldPath
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. With `counts` it is `SELECT COUNT()`."""

    text: str
    sobject: str
    sobject_position: int
    alias: str | None
    fields: tuple[FieldPath, ...]
    aggregates: tuple[Aggregate, ...]
    counts: bool
    where: Condition | None
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int
    all_rows: bool


def located(text: str, position: int, code: str, message: str) -> ApiError:
    """An error in the form of SOQL: the line, a caret below the place, and then the message."""
    start = max(0, position - 40)
    excerpt = text[start : position + 40].replace("\n", " ")
    caret = " " * (position - start) + "^"
    row = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return ApiError(400, code, f"\n{excerpt}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}")


def unescaped(quoted: str) -> str:
    """The text of a string literal, its escapes resolved."""
    return _unescape(quoted, keep="")


def like_pattern(quoted: str) -> str:
    """The pattern of a LIKE literal: escaped wildcards and backslashes stay escaped."""
    return _unescape(quoted, keep="%_\\")


def _unescape(quoted: str, *, keep: str) -> str:
    def resolve(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "u" and len(code) == 5:
            return chr(int(code[1:], 16))
        return "\\" + code if code in keep else _ESCAPES.get(code, code)

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", resolve, quoted[1:-1], flags=re.DOTALL)


def parse(text: str) -> Query:
    """Reads a query. Raises ApiError MALFORMED_QUERY."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.place = 0

    def _tokens(self) -> list[Token]:
        tokens: list[Token] = []
        position, end = 0, len(self.text.rstrip())
        while position < end:
            match = _TOKEN.match(self.text, position)
            if match is None or match.lastgroup is None:
                rest = self.text[position:].lstrip()
                message = f"unexpected token: '{rest[:1]}'"
                raise located(self.text, len(self.text) - len(rest), "MALFORMED_QUERY", message)
            kind: TokenKind = match.lastgroup  # type: ignore[assignment]  # the groups are named after the kinds
            tokens.append(Token(kind, match[kind], match.start(kind)))
            position = match.end()
        return [*tokens, Token("end", "<EOF>", end)]

    @property
    def here(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.here
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def fail(self, token: Token | None = None) -> NoReturn:
        token = token or self.here
        if token.kind == "end":
            raise located(self.text, token.position, "MALFORMED_QUERY", "unexpected token: '<EOF>'")
        raise located(self.text, token.position, "MALFORMED_QUERY", f"unexpected token: '{token.text}'")

    def accept(self, *words: str) -> bool:
        """Takes these words or signs if they come next."""
        for ahead, word in enumerate(words):
            token = self.tokens[min(self.place + ahead, len(self.tokens) - 1)]
            if word not in (token.word, token.text if token.kind == "operator" else None):
                return False
        self.place += len(words)
        return True

    def expect(self, word: str) -> None:
        if not self.accept(word):
            self.fail()

    def name(self) -> Token:
        if self.here.kind != "name":
            self.fail()
        return self.take()

    def whole_number(self) -> int:
        if self.here.kind != "number" or not self.here.text.isdigit() or int(self.here.text) > MAX_NUMBER:
            self.fail()
        return int(self.take().text)

    def path(self) -> FieldPath:
        token = self.name()
        return FieldPath(tuple(token.text.split(".")), token.position)

    def query(self) -> Query:
        self.expect("SELECT")
        fields, aggregates, counts = self.selection()
        self.expect("FROM")
        sobject = self.name()
        alias = None
        if self.here.kind == "name" and self.here.word not in {"WHERE", "ORDER", "LIMIT", "OFFSET", "FOR", "ALL"}:
            self.accept("AS")
            alias = self.name().text
        where = self.condition() if self.accept("WHERE") else None
        order = self.ordering() if self.accept("ORDER", "BY") else ()
        limit = self.whole_number() if self.accept("LIMIT") else None
        offset = self.whole_number() if self.accept("OFFSET") else 0
        if self.accept("FOR") and self.name().word not in {"VIEW", "REFERENCE", "UPDATE"}:
            self.fail(self.tokens[self.place - 1])
        all_rows = self.accept("ALL", "ROWS")
        if self.here.kind != "end":
            self.fail()
        return Query(
            self.text, sobject.text, sobject.position, alias, fields, aggregates, counts, where, order, limit, offset,
            all_rows,
        )  # fmt: skip

    def selection(self) -> tuple[tuple[FieldPath, ...], tuple[Aggregate, ...], bool]:
        if self.accept("COUNT", "(", ")"):
            return (), (), True
        fields: list[FieldPath] = []
        aggregates: list[Aggregate] = []
        while True:
            first = self.here
            following = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
            if first.word in AGGREGATES and following.text == "(":
                self.place += 2
                path = self.path()
                self.expect(")")
                named = self.here.kind == "name" and self.here.word != "FROM"
                alias = self.take().text if named else f"expr{len(aggregates)}"
                aggregates.append(Aggregate(first.word, path, alias))
            else:
                fields.append(self.path())
            if not self.accept(","):
                break
        if fields and aggregates:
            message = f"Field must be grouped or aggregated: {fields[0]}"
            raise located(self.text, fields[0].position, "MALFORMED_QUERY", message)
        return tuple(fields), tuple(aggregates), False

    def condition(self) -> Condition:
        parts = [self.single_condition()]
        word = self.here.word
        if word not in ("AND", "OR"):
            return parts[0]
        while self.accept(word):
            parts.append(self.single_condition())
        if self.here.word in ("AND", "OR"):
            # SOQL has no precedence between the two: mixing them needs parentheses.
            self.fail()
        return Junction("AND" if word == "AND" else "OR", tuple(parts))

    def single_condition(self) -> Condition:
        if self.accept("NOT"):
            return Negation(self.single_condition())
        if self.accept("("):
            inside = self.condition()
            self.expect(")")
            return inside
        return self.comparison()

    def comparison(self) -> Comparison:
        path = self.path()
        if self.here.kind == "operator" and self.here.text in COMPARISONS:
            return Comparison(path, COMPARISONS[self.take().text], (self.operand(),))
        if self.accept("LIKE"):
            return Comparison(path, "LIKE", (self.operand(),))
        if self.accept("IN"):
            return Comparison(path, "IN", self.operand_list())
        if not self.accept("NOT", "IN"):
            self.fail()
        return Comparison(path, "NOT IN", self.operand_list())

    def operand_list(self) -> tuple[Operand, ...]:
        self.expect("(")
        operands = [self.operand()]
        while self.accept(","):
            operands.append(self.operand())
        self.expect(")")
        return tuple(operands)

    def operand(self) -> Operand:
        token = self.take()
        if token.kind in ("string", "datetime", "date", "number"):
            return Operand(token.kind, token.text)
        if token.word in ("TRUE", "FALSE"):
            return Operand("boolean", token.word)
        if token.word == "NULL":
            return Operand("null", "")
        if token.word not in PERIODS:
            self.fail(token)
        if not token.word.endswith("_N_DAYS"):
            return Operand("period", f"{token.word}:0")
        self.expect(":")
        if self.here.kind == "number" and len(self.here.text) > MAX_PERIOD_DIGITS:
            self.fail()
        return Operand("period", f"{token.word}:{self.whole_number()}")

    def ordering(self) -> tuple[Ordering, ...]:
        orderings: list[Ordering] = []
        while True:
            path = self.path()
            descending = self.accept("DESC")
            if not descending:
                self.accept("ASC")
            nulls_last = self.accept("NULLS", "LAST")
            if not nulls_last:
                self.accept("NULLS", "FIRST")
            orderings.append(Ordering(path, descending, nulls_last))
            if not self.accept(","):
                return tuple(orderings)
