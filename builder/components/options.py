"""What every section of dr.yaml is made of: it has keys with values, and refuses unknown keys; and what several say."""

from collections.abc import Mapping
from types import GenericAlias
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    TypeAdapter,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from builder.components.available import name_fault
from builder.terms import AccountId, Region

ACCOUNT_PATTERN = r"^[0-9]{12}$"
COMPONENT_PATTERN = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
PATH_PATTERN = r"^/[!-~]*$"


def _check_region(name: str) -> str:
    if fault := name_fault(name):
        raise ValueError(fault)
    return name


def check_once(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names. Raises ValueError for one that is there twice."""
    if twice := next((name for place, name in enumerate(names) if name in names[:place]), None):
        raise ValueError(f"'{twice}' is there twice")
    return names


Account = Annotated[AccountId, StringConstraints(pattern=ACCOUNT_PATTERN)]
RegionName = Annotated[
    Region,
    AfterValidator(_check_region),
    Field(json_schema_extra={"pattern": r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$"}, examples=["us-east-1"]),
]


TABLE, BUCKET, FUNCTION = "table", "bucket", "function"
"""The kinds of components that can be several, and the name of the one that is written under such a key itself."""
KINDS = (TABLE, BUCKET, FUNCTION)
SUFFIX_PATTERN = r"\$\{EnvironmentSuffix\}"
"""What stands for the environment in a name, as a part of a pattern."""
RESERVED = frozenset({TABLE, BUCKET, FUNCTION, "alarms", "artifacts", "drill", "global", "key", "service", "storage"})
"""Names that components of the user's cannot have: stacks, or parts of names, have them already."""


class Section(BaseModel):
    """Keys with values, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    in_production: ClassVar[Mapping[str, Any]] = {}
    """Of a component's options what a productive environment says of itself, unless it says otherwise."""


class _Seldom:
    def __get_pydantic_core_schema__(self, section: type[Section], _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(section.model_validate, metadata={"section": section})

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        # As a list's item it becomes what every section is in a JSON Schema: one of the definitions.
        section = schema["metadata"]["section"]
        item: JsonSchemaValue = handler(TypeAdapter(GenericAlias(list, (section,))).core_schema)["items"]
        return item


SELDOM = _Seldom()
"""Marks a section that few files have, and that takes long to put together: pydantic does so once a file has it."""
