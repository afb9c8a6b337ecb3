"""What dr.yaml may say under `table:`, and of each of `tables:`; and what is wrong between the keys of one of them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag

from builder.components.options import SELDOM, SUFFIX_PATTERN, Section, check_once
from builder.errors import did_you_mean

RESOURCE_TYPES = ("AWS::DynamoDB::GlobalTable",)
"""What its template is made of."""
DEFAULT_KEY = {"id": "S"}
"""The key of a table that says none, and the one that the built-in handlers keep items under."""
# Of an attribute that is in a key, and of an index.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_NAME = r"^[a-zA-Z0-9_.-]+$"
_EXISTING = rf"^([a-zA-Z0-9_.-]|{SUFFIX_PATTERN})+$"
TABLE_PATTERNS = {
    _NAME: "only letters, digits, underscores, dots and hyphens",
    _EXISTING: "a table's name: letters, digits, underscores, dots and hyphens; it may hold ${EnvironmentSuffix}",
}
"""What each pattern asks for, in words."""
_TYPES = {"S": "a text", "N": "a number", "B": "bytes"}
_PROJECTIONS = ("all", "keys_only")
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_MOST_INDEXES, _MOST_PROJECTED = 20, 100
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_SHORTEST, _LONGEST = 3, 255
TABLE_TAGS = frozenset({"[switch]", "[days]", "[kind]", "[attributes]"})
"""What pydantic puts into a place for the kind of value that it read; no key of the file is called so."""


def _check_type(name: str) -> str:
    if name in _TYPES:
        return name
    types = ", ".join(f"{known} ({what})" for known, what in _TYPES.items())
    raise ValueError(f"'{name}' is not a type that a key can have: {types}")


def _check_length(name: str) -> str:
    length = len(name.replace("${EnvironmentSuffix}", "x"))
    if not _SHORTEST <= length <= _LONGEST:
        raise ValueError(f"'{name}' cannot be a table's name, which has {_SHORTEST} to {_LONGEST} characters")
    return name


_ExistingTable = Annotated[str, StringConstraints(pattern=_EXISTING), AfterValidator(_check_length)]
_AttributeName = Annotated[str, StringConstraints(pattern=_NAME, min_length=1, max_length=255)]
_IndexName = Annotated[str, StringConstraints(pattern=_NAME, min_length=3, max_length=255)]
_KeyType = Annotated[str, AfterValidator(_check_type), Field(json_schema_extra={"enum": [*_TYPES]})]


def _key(description: str, example: dict[str, str], **more: Any) -> Any:  # noqa: ANN401 - pydantic's own
    return Field(min_length=1, max_length=2, description=description, examples=[example], **more)


def _kind_of_recovery(value: object) -> str:
    return "[days]" if isinstance(value, dict | Section) else "[switch]"


def _projection(value: object) -> object:
    if value in _PROJECTIONS or isinstance(value, list | tuple):
        return value
    shown = f"'{value}'" if isinstance(value, str) else "nothing" if value is None else str(value)
    hint = did_you_mean(value, _PROJECTIONS) if isinstance(value, str) else ""
    raise ValueError(f"{shown} is neither all, nor keys_only, nor a list of attributes{hint}")


def _kind_of_projection(value: object) -> str:
    return "[kind]" if isinstance(value, str) else "[attributes]"


_Attributes = Annotated[tuple[_AttributeName, ...], Field(min_length=1), AfterValidator(check_once)]
_Projection = Annotated[
    Annotated[Literal["all", "keys_only"], Tag("[kind]")] | Annotated[_Attributes, Tag("[attributes]")],
    Discriminator(_kind_of_projection),
]


class IndexConfig(Section):
    """A global secondary index, in every region of its table."""

    key: dict[_AttributeName, _KeyType] = _key(
        "Partition key, and sort key if there is one; an item that lacks either is not in the index",
        {"status": "S", "placed_at": "S"},
    )
    projection: Annotated[
        _Projection,
        BeforeValidator(_projection, json_schema_input_type=Literal["all", "keys_only"] | tuple[_AttributeName, ...]),
    ] = Field(
        default="all",
        description="Attributes in the index besides keys: all, keys_only, or a list of attributes",
        examples=["keys_only", ["total", "currency"]],
    )


class RecoveryConfig(Section):
    """Continuous backups, with the number of days that they reach back."""

    days: int = Field(
        strict=True, ge=1, le=35, description="Days back to which a replica can be restored", examples=[7]
    )


_Recovery = Annotated[
    Annotated[Annotated[bool, Field(strict=True)], Tag("[switch]")] | Annotated[RecoveryConfig, Tag("[days]")],
    Discriminator(_kind_of_recovery),
]


class TableVarying(Section):
    """Options that may differ between environments."""

    in_production: ClassVar[Mapping[str, Any]] = {"deletion_protection": True}
    deletion_protection: bool = Field(
        default=False,
        strict=True,
        description="Whether the table is protected from deletion, in every region; always in production",
    )


class TableConfig(TableVarying):
    """A global table."""

    key: dict[_AttributeName, _KeyType] = _key(
        "Partition key, and sort key if there is one, each with its type: S, N or B. It cannot be changed later",
        {"customer": "S", "placed_at": "S"},
        default=DEFAULT_KEY,
    )
    indexes: dict[_IndexName, Annotated[IndexConfig, SELDOM]] = Field(
        default_factory=dict,
        max_length=_MOST_INDEXES,
        description="Global secondary indexes, by name; they are created and deleted one at a time",
        examples=[{"by_status": {"key": {"status": "S"}}}],
    )
    ttl: _AttributeName | None = Field(
        default=None,
        description="Attribute with the time at which an item expires, in seconds since 1970; if absent, no item "
        "expires",
        examples=["expires_at"],
    )
    point_in_time_recovery: _Recovery = Field(
        default=True,
        description="Continuous backups of each replica, to any second of the last 35 days, or of fewer: {days: 7}",
        examples=[{"days": 7}],
    )
    existing: _ExistingTable | None = Field(
        default=None,
        description="Name of an existing table in the primary region, which is imported as this one with all its items",
        examples=["orders"],
    )
    stream: Literal["NEW_AND_OLD_IMAGES", "NEW_IMAGE", "OLD_IMAGE", "KEYS_ONLY"] = Field(
        default="NEW_AND_OLD_IMAGES",
        description="What each replica's stream holds of a change. It cannot be changed later: replication uses the "
        "stream",
    )

    @property
    def has_handlers_key(self) -> bool:
        """Whether it has the key that the built-in handlers keep items under."""
        return self.key == DEFAULT_KEY

    @property
    def recovery_days(self) -> int | None:
        """How many days back it can be restored to; None where the option is not given."""
        return self.point_in_time_recovery.days if isinstance(self.point_in_time_recovery, RecoveryConfig) else None


TablePath = tuple[str | int, ...]


def table_faults(section: Mapping[str, Any]) -> Iterator[tuple[TablePath, str]]:
    """Yield what is wrong between the keys of one table, each at the key that is to change, as plain data."""
    key, indexes = _mapping(section.get("key", DEFAULT_KEY)), _mapping(section.get("indexes"))
    keys: list[tuple[TablePath, Mapping[str, Any]]] = [(("key",), key)]
    keys += [(("indexes", name, "key"), _mapping(_of(index, "key"))) for name, index in indexes.items()]
    types: dict[str, tuple[str, TablePath]] = {}
    for place, attributes in keys:
        for name, kind in attributes.items():
            known, there = types.setdefault(name, (kind, place))
            if known != kind and kind in _TYPES:
                where = ".".join(map(str, there))
                yield (*place, name), f"is {kind} here and {known} in {where}: an attribute is of one type in all keys"
    yield from _expiry(section.get("ttl"), key, types)
    yield from _projected(key, indexes)


def _expiry(
    ttl: object, key: Mapping[str, Any], types: Mapping[str, tuple[str, TablePath]]
) -> Iterator[tuple[TablePath, str]]:
    if not isinstance(ttl, str):
        return
    if ttl in key:
        yield ("ttl",), f"'{ttl}' is in the table's key, which no item can change or lack: take another attribute"
    elif ttl in types and types[ttl][0] != "N":
        kind, there = types[ttl]
        what = f"'{ttl}' is {kind} in {'.'.join(map(str, there))}, and only a number (N) says when an item expires"
        yield ("ttl",), what


def _projected(key: Mapping[str, Any], indexes: Mapping[str, Any]) -> Iterator[tuple[TablePath, str]]:
    total = 0
    for name, index in indexes.items():
        listed = _of(index, "projection")
        attributes = listed if isinstance(listed, list) else []
        total += len(attributes)
        for number, attribute in enumerate(attributes):
            if isinstance(attribute, str) and (attribute in key or attribute in _mapping(_of(index, "key"))):
                yield ("indexes", name, "projection", number), f"'{attribute}' is in a key, and so in the index anyway"
    if total > _MOST_PROJECTED:
        what = f"project {total} attributes by name together: {_MOST_PROJECTED} at most, or take all"
        yield ("indexes",), what


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _of(value: object, name: str) -> object:
    return _mapping(value).get(name)
