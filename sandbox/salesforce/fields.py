"""What a field and an object are, and short constructors so that the schema reads like a table."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

FieldType = Literal[
    "id", "string", "textarea", "picklist", "reference", "email", "phone", "url", "boolean", "int", "double",
    "currency", "percent", "date", "datetime",
]  # fmt: skip
Value = str | int | float | bool | None
Record = dict[str, Value]

TEXT_TYPES: frozenset[str] = frozenset({"string", "textarea", "picklist", "email", "phone", "url"})
NUMBER_TYPES: frozenset[str] = frozenset({"double", "currency", "percent"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a picklist."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column. `required` means a record cannot be saved without it; `readonly` fields are the org's to fill."""

    name: str
    type: FieldType
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    unique: bool = False
    external_id: bool = False
    readonly: bool = False
    createable_only: bool = False
    filterable: bool = True
    default: Value = None
    choices: tuple[Choice, ...] = ()
    restricted: bool = False
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    child_relationship: str | None = None
    cascades: bool = False
    autonumber: str | None = None

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def createable(self) -> bool:
        return not self.readonly

    @property
    def updateable(self) -> bool:
        return not (self.readonly or self.createable_only)

    @property
    def id_lookup(self) -> bool:
        return self.type == "id" or self.external_id


@dataclass(frozen=True)
class SObject:
    """One object type: its API name, its id prefix and its fields, the system's own first."""

    name: str
    label: str
    plural: str
    prefix: str
    own_fields: tuple[Field, ...]
    owned: bool = True
    writable: bool = True
    unique_together: tuple[str, ...] = ()
    fields: tuple[Field, ...] = field(init=False)

    def __post_init__(self) -> None:
        owner = (lookup("OwnerId", "User", label="Owner"),) if self.owned else ()
        object.__setattr__(self, "fields", (*SYSTEM_FIELDS, *owner, *self.own_fields))

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """Fields by lower-case name: Salesforce does not mind the case of a name."""
        return {field.name.lower(): field for field in self.fields}

    @cached_property
    def by_relationship(self) -> dict[str, Field]:
        return {field.relationship.lower(): field for field in self.fields if field.relationship}

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def name_field(self) -> Field | None:
        """The field a person knows a record by."""
        for name in ("name", "casenumber", "ordernumber", "contractnumber", "subject"):
            if name in self.by_name:
                return self.by_name[name]
        return None


def _label(name: str) -> str:
    words = name.removesuffix("__c").replace("_", " ")
    spaced = "".join(" " + c if c.isupper() and i and words[i - 1].islower() else c for i, c in enumerate(words))
    return spaced.removesuffix(" Id") or spaced


def text(
    name: str,
    length: int = 255,
    *,
    required: bool = False,
    unique: bool = False,
    external_id: bool = False,
    readonly: bool = False,
    autonumber: str | None = None,
) -> Field:
    return Field(
        name=name, type="string", label=_label(name), length=length, required=required, unique=unique,
        external_id=external_id, readonly=readonly or autonumber is not None, autonumber=autonumber,
    )  # fmt: skip


def long_text(name: str, length: int = 32000, *, required: bool = False) -> Field:
    return Field(
        name=name, type="textarea", label=_label(name), length=length, required=required, filterable=length <= 255
    )


def picklist(
    name: str,
    *values: str | tuple[str, str],
    restricted: bool = False,
    required: bool = False,
    default: str | None = None,
    length: int = 255,
    createable_only: bool = False,
) -> Field:
    """A list of values, each a text or (value, label)."""
    choices = tuple(Choice(value, value) if isinstance(value, str) else Choice(*value) for value in values)
    return Field(
        name=name, type="picklist", label=_label(name), length=length, choices=choices, restricted=restricted,
        required=required, default=default, createable_only=createable_only,
    )  # fmt: skip


def lookup(
    name: str,
    *targets: str,
    children: str | None = None,
    required: bool = False,
    cascades: bool = False,
    readonly: bool = False,
    createable_only: bool = False,
    label: str | None = None,
) -> Field:
    """A reference to a record of one of the targets. `children` is the name of the list seen from the target."""
    relationship = name.removesuffix("Id") if not name.endswith("__c") else name.removesuffix("__c") + "__r"
    return Field(
        name=name, type="reference", label=label or _label(name), length=18, reference_to=targets,
        relationship=relationship, child_relationship=children, required=required, cascades=cascades,
        readonly=readonly, createable_only=createable_only,
    )  # fmt: skip


def email(name: str, *, required: bool = False) -> Field:
    return Field(name=name, type="email", label=_label(name), length=80, required=required)


def phone(name: str) -> Field:
    return Field(name=name, type="phone", label=_label(name), length=40)


def url(name: str) -> Field:
    return Field(name=name, type="url", label=_label(name), length=255)


def checkbox(name: str, *, default: bool = False, readonly: bool = False) -> Field:
    return Field(name=name, type="boolean", label=_label(name), default=default, readonly=readonly)


def number(name: str, precision: int = 18, scale: int = 0, *, required: bool = False) -> Field:
    return Field(name=name, type="double", label=_label(name), precision=precision, scale=scale, required=required)


def whole(name: str) -> Field:
    return Field(name=name, type="int", label=_label(name), precision=9)


def currency(name: str, *, required: bool = False, readonly: bool = False, scale: int = 2) -> Field:
    return Field(
        name=name, type="currency", label=_label(name), precision=18, scale=scale, required=required, readonly=readonly
    )


def percent(name: str) -> Field:
    return Field(name=name, type="percent", label=_label(name), precision=5, scale=2)


def day(name: str, *, required: bool = False, readonly: bool = False) -> Field:
    return Field(name=name, type="date", label=_label(name), required=required, readonly=readonly)


def moment(name: str, *, readonly: bool = False) -> Field:
    return Field(name=name, type="datetime", label=_label(name), readonly=readonly)


def _system(name: str, kind: FieldType, target: str | None = None) -> Field:
    if target:
        return lookup(name, target, readonly=True, label=_label(name))
    return Field(name=name, type=kind, label=_label(name), readonly=True, length=18 if kind == "id" else 0)


SYSTEM_FIELDS: tuple[Field, ...] = (
    _system("Id", "id"),
    Field(name="IsDeleted", type="boolean", label="Deleted", readonly=True, default=False),
    _system("CreatedDate", "datetime"),
    _system("CreatedById", "reference", "User"),
    _system("LastModifiedDate", "datetime"),
    _system("LastModifiedById", "reference", "User"),
    _system("SystemModstamp", "datetime"),
    Field(
        name="CurrencyIsoCode", type="picklist", label="Currency", length=3, default="EUR", restricted=True,
        choices=tuple(Choice(code, code) for code in ("EUR", "USD", "GBP", "CHF", "SEK", "JPY", "KWD")),
    ),
)  # fmt: skip
