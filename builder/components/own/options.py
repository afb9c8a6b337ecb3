"""What dr.yaml may say under `stacks:`, `components:` and `outputs:`.

A value is a text, a list of texts, or a mapping with one key that says where it comes from: that is plain YAML, which
editors complete, where tags would need a reader of their own.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, StringConstraints, Tag

from builder.components.available import name_fault
from builder.components.options import COMPONENT_PATTERN, PATH_PATTERN, RegionName, Section, check_once
from builder.errors import did_you_mean
from builder.terms import Region

_LOGICAL = r"^[A-Za-z0-9]+$"
_STACK_NAME = r"^[A-Za-z]([A-Za-z0-9-]|\$\{EnvironmentSuffix\})*$"
_OUTPUT = r"^([a-z0-9-]+/)?[a-z][a-z0-9-]*\.[A-Za-z0-9]+$"
_STACK = r"^([a-z0-9-]+/)?[a-z][a-z0-9-]*$"
_PUBLIC = r"^[A-Za-z][A-Za-z0-9._-]*$"
TEMPLATE_FILE = r"^[^/\\\x00-\x1f](.*[^/\x00-\x1f])?\.(yaml|yml|json|template|py)$"
POLICY_FILE = r"^[^/\\\x00-\x1f](.*[^/\x00-\x1f])?\.json$"
OWN_PATTERNS = {
    COMPONENT_PATTERN: "only lower-case letters, digits and hyphens, a letter first and no hyphen last",
    _LOGICAL: "only letters and digits, as CloudFormation has it for parameters",
    _STACK_NAME: "letters, digits and hyphens, a letter first; it may hold ${EnvironmentSuffix}",
    _OUTPUT: "STACK.OUTPUT of the same region, or REGION/STACK.OUTPUT",
    _STACK: "a stack of the same region, or REGION/STACK",
    _PUBLIC: "letters, digits, dots, hyphens and underscores, a letter first",
    PATH_PATTERN: "a path: a slash first, and what a URL cannot have as %XX",
    POLICY_FILE: "a file of dr.yaml's folder that ends in .json",
    TEMPLATE_FILE: "a file of dr.yaml's folder that ends in .yaml, .yml, .json, .template or .py",
}
"""What each pattern asks for, in words."""
OWN_SEPARATORS = {COMPONENT_PATTERN: "-", _LOGICAL: ""}
OWN_TAGS = frozenset(
    {"[text]", "[list]", "[output]", "[stack]", "[regions]", "[roles]", "[environments]", "[previous]"}
)
"""What pydantic puts into a place for the kind of value that it read; no key of the file is called so."""
SOURCES = ("output", "stack", "regions", "roles", "environments", "previous")
"""The keys that say where a value comes from."""


def _check_item(text: str) -> str:
    if "," in text:
        raise ValueError(f"'{text}' holds a comma, which is what parts a list: say the whole list as one text")
    return text


def _check_true(written: object) -> object:
    if written is False:
        raise ValueError("is false: write a value in place of it, or leave the parameter out")
    return written


ComponentName = Annotated[str, StringConstraints(pattern=COMPONENT_PATTERN, max_length=64)]
OutputName = Annotated[str, StringConstraints(pattern=_PUBLIC, max_length=255)]
_ParameterName = Annotated[str, StringConstraints(pattern=_LOGICAL, max_length=255)]
_OutputOf = Annotated[str, StringConstraints(pattern=_OUTPUT)]
_StackOf = Annotated[str, StringConstraints(pattern=_STACK)]
_Item = Annotated[str, AfterValidator(_check_item)]
# No pattern: an adopted stack has the tags that stand, and these may hold ${EnvironmentSuffix}.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
_TagKey = Annotated[str, StringConstraints(min_length=1, max_length=128)]
_TagValue = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class OutputValue(Section):
    """The value of another stack's output."""

    output: _OutputOf = Field(
        description="STACK.OUTPUT of the same region, or REGION/STACK.OUTPUT; that stack is deployed before this one",
        examples=["network.VpcId", "us-east-1/network.VpcId"],
    )


class StackValue(Section):
    """The name of another stack, for templates that import its exports."""

    stack: _StackOf = Field(
        description="STACK of the same region, or REGION/STACK; that stack is deployed before this one",
        examples=["network"],
    )


class RegionsValue(Section):
    """A value for each region of the stack."""

    regions: dict[RegionName, "Value"] = Field(
        min_length=1, description="Value for each region", examples=[{"us-east-1": "10.1.0.0/16"}]
    )


class RolesConfig(Section):
    """A value for the primary, and one for every secondary."""

    primary: "Value" = Field(description="Value in the primary")
    secondaries: "Value" = Field(description="Value in every secondary")


class RolesValue(Section):
    """A value for each role of a region."""

    roles: RolesConfig = Field(description="Value for the primary and for the secondaries")


class EnvironmentsValue(Section):
    """A value for each environment; `default` is for all others."""

    environments: dict[str, "Value"] = Field(
        min_length=1,
        description="Value for each environment, by its suffix",
        examples=[{"prod": "1000", "default": "10"}],
    )


class PreviousValue(Section):
    """The parameter's value in the deployed stack: for secrets, which belong into no file."""

    previous: Annotated[bool, AfterValidator(_check_true)] = Field(
        strict=True, description="true: keep the deployed stack's value", json_schema_extra={"const": True}
    )


def _kind(written: object) -> str:
    match written:
        case str():
            return "[text]"
        case list() | tuple():
            return "[list]"
        case dict():
            return f"[{next(iter(written))}]"
    return f"[{next(iter(type(written).model_fields))}]" if isinstance(written, Section) else "[text]"


def _check_shape(written: object) -> object:
    """Raise ValueError unless it has the form of a value."""
    if isinstance(written, str | list | tuple | Section):
        return written
    if written is None:
        raise ValueError('is empty: for an empty text write ""')
    if not isinstance(written, dict):
        return str(written)
    keys = [str(key) for key in written]
    if len(keys) != 1 or keys[0] not in SOURCES:
        hint = did_you_mean(keys[0], SOURCES) if len(keys) == 1 else ""
        has = f"has {', '.join(keys)}" if keys else "has no key"
        raise ValueError(f"{has}, and a value is a text, a list, or has one key of {', '.join(SOURCES)}{hint}")
    return written


Value = Annotated[
    Annotated[str, Tag("[text]")]
    | Annotated[tuple[_Item, ...], Tag("[list]")]
    | Annotated[OutputValue, Tag("[output]")]
    | Annotated[StackValue, Tag("[stack]")]
    | Annotated[RegionsValue, Tag("[regions]")]
    | Annotated[RolesValue, Tag("[roles]")]
    | Annotated[EnvironmentsValue, Tag("[environments]")]
    | Annotated[PreviousValue, Tag("[previous]")],
    Discriminator(_kind),
    BeforeValidator(_check_shape),
]
"""What a parameter is given."""

_CHOICES = ("all", "primary", "secondaries")


def _regions(written: object) -> object:
    if written in _CHOICES or isinstance(written, list | tuple):
        return written
    shown = f"'{written}'" if isinstance(written, str) else "nothing" if written is None else str(written)
    hint = did_you_mean(written, _CHOICES) if isinstance(written, str) else ""
    if isinstance(written, str) and name_fault(written) is None:
        hint = f" (did you mean [{written}]?)"
    raise ValueError(f"{shown} is neither all, nor primary, nor secondaries, nor a list of regions{hint}")


def _kind_of_regions(written: object) -> str:
    return "[text]" if isinstance(written, str) else "[list]"


RegionsChoice = Annotated[
    Annotated[Literal["all", "primary", "secondaries"], Tag("[text]")]
    | Annotated[
        tuple[RegionName, ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(check_once),
        Tag("[list]"),
    ],
    Discriminator(_kind_of_regions),
    BeforeValidator(_regions),
]
"""all, primary, secondaries, or regions by name."""


class OwnStackConfig(Section):
    """A template of your own, and the regions to deploy it in."""

    template: Annotated[str, StringConstraints(pattern=TEMPLATE_FILE)] = Field(
        description="CloudFormation template, copied byte for byte, or Python file with `def template(context)`",
        examples=["cfn/network.yaml", "cfn/queue.py"],
    )
    regions: RegionsChoice = Field(
        default="all", description="Regions to deploy it in: all, primary, secondaries, or a list", examples=["primary"]
    )
    name: Annotated[str, StringConstraints(pattern=_STACK_NAME)] | None = Field(
        default=None,
        description="Name of the stack in CloudFormation; default: PROJECT-${EnvironmentSuffix}-KEY",
        examples=["net-${EnvironmentSuffix}-peer"],
    )
    parameters: dict[_ParameterName, Value] = Field(
        default_factory=dict,
        description="Values of its parameters; EnvironmentSuffix is added if the template declares it",
        examples=[{"VpcId": {"output": "network.VpcId"}}],
    )
    needs: tuple[_StackOf, ...] = Field(
        default=(), description="Stacks to deploy before it, besides those that values refer to: STACK, or REGION/STACK"
    )
    tags: dict[_TagKey, _TagValue] = Field(
        default_factory=dict, description="Tags besides those of `tags:`, which all stacks have"
    )
    termination_protection: bool | None = Field(
        default=None,
        strict=True,
        description="Whether the stack is protected from deletion; default: the setting for all stacks",
    )
    stack_policy: Annotated[str, StringConstraints(pattern=POLICY_FILE)] | None = Field(
        default=None,
        description="File with its stack policy, which is set after its change sets; if absent, the policy is not "
        "changed",
        examples=["cfn/network-policy.json"],
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Values that a Python template gets as context.options"
    )


class OwnTableConfig(Section):
    """A global table that one of your stacks creates."""

    name: Value = Field(
        description="Name of the table, or the output that holds it", examples=["shop-${EnvironmentSuffix}-orders"]
    )
    regions: RegionsChoice = Field(default="all", description="Regions of its replicas")


class OwnFunctionConfig(Section):
    """A function with a URL in each region."""

    url: OutputValue = Field(
        description="Output that holds its URL in each region", examples=[{"output": "service.Url"}]
    )
    regions: RegionsChoice = Field(default="all", description="Regions of the function")
    health: Annotated[str, StringConstraints(pattern=PATH_PATTERN)] = Field(
        default="/health", description="Path of its health check"
    )


class OwnBucketConfig(Section):
    """Buckets that replicate, one in each region."""

    name: OutputValue | None = Field(default=None, description="Output that holds the bucket's name in each region")
    regions: RegionsChoice = Field(default="all", description="Regions of the buckets")
    primary: OutputValue | None = Field(
        default=None,
        description="In place of `name`: output with the name of the primary's bucket, REGION/STACK.OUTPUT",
    )
    secondary: OutputValue | None = Field(
        default=None, description="In place of `name`: output with the name of the first secondary's bucket"
    )
    replication: Literal["one-way", "two-way", "none"] = Field(
        default="one-way",
        description="one-way: from the primary to each secondary; two-way: between all regions; none: no replication",
    )


class ComponentConfig(Section):
    """A table, a function or buckets: exactly one of these."""

    table: OwnTableConfig | None = Field(default=None, description="A global table, by its name")
    function: OwnFunctionConfig | None = Field(default=None, description="A function, by its URLs")
    bucket: OwnBucketConfig | None = Field(default=None, description="Buckets that replicate, by their names")


def parts_of(binding: str) -> tuple[Region | None, str]:
    """Return the region and the stack of STACK or REGION/STACK."""
    region, _, stack = binding.rpartition("/")
    return (Region(region) if region else None), stack
