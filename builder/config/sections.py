"""The schema of dr.yaml's `fleet:` and `drill:`, and what every section is made of: it refuses unknown keys."""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from builder.config.available import name_fault
from builder.errors import did_you_mean
from builder.terms import AccountId, Region

ACCOUNT_PATTERN = r"^[0-9]{12}$"
Account = Annotated[AccountId, StringConstraints(pattern=ACCOUNT_PATTERN)]


class Section(BaseModel):
    """Keys with values, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html
_UNIT = r"^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_ROLE = r"^([A-Za-z0-9_+=,.@-]|\$\{EnvironmentSuffix\})+$"
_FROM_0 = r"^(100|[1-9]?[0-9])%$"
_FROM_1 = r"^(100|[1-9][0-9]?)%$"
FLEET_PATTERNS = {
    _UNIT: "an organizational unit looks like ou-ab12-11112222, the root like r-ab12",
    _ROLE: "the name of a role, no ARN and no path; it may hold ${EnvironmentSuffix}",
    _FROM_0: "a count from 0 or a percentage from 0% to 100%",
    _FROM_1: "a count from 1 or a percentage from 1% to 100%",
}
"""What each pattern asks for, in words."""


def _check_region(name: str) -> str:
    if fault := name_fault(name):
        raise ValueError(fault)
    return name


def _amount(least: int, pattern: str) -> tuple[BeforeValidator, WithJsonSchema]:
    def check(said: object) -> object:
        is_count = isinstance(said, int) and not isinstance(said, bool) and said >= least
        if is_count or (isinstance(said, str) and re.fullmatch(pattern, said)):
            return said
        shown = f"'{said}'" if isinstance(said, str) else str(said)
        raise ValueError(f"{shown} is not {FLEET_PATTERNS[pattern]}")

    kinds = [{"type": "integer", "minimum": least}, {"type": "string", "pattern": pattern}]
    return BeforeValidator(check), WithJsonSchema({"anyOf": kinds})


_AdminRegion = Annotated[Region, AfterValidator(_check_region)]
_Unit = Annotated[str, StringConstraints(pattern=_UNIT)]
_RoleName = Annotated[str, StringConstraints(pattern=_ROLE)]
_Tolerance = Annotated[int | str, *_amount(0, _FROM_0)]
_Concurrency = Annotated[int | str, *_amount(1, _FROM_1)]


class AutoDeploymentConfig(Section):
    """What happens when an account joins an organizational unit, or leaves it."""

    enabled: bool = Field(default=False, strict=True, description="An account that joins gets the system by itself")
    retain_stacks: bool = Field(
        default=False, strict=True, description="An account that leaves keeps its stacks; else they are deleted"
    )


class OperationsConfig(Section):
    """How a change goes through the accounts; counts, or percentages of them like 10%."""

    failure_tolerance: _Tolerance = Field(
        default=0, description="How many accounts of a region may fail before nothing more is started"
    )
    max_concurrent: _Concurrency = Field(default=1, description="How many accounts are changed at a time")
    concurrency_mode: Literal["strict", "soft"] = Field(
        default="strict",
        description="strict: never more at a time than may fail, and one; soft: always as many as max_concurrent says",
    )
    region_concurrency: Literal["sequential", "parallel"] = Field(
        default="sequential",
        description="Regions of one StackSet; these have one each, so only what is added by hand",
    )


class FleetConfig(Section):
    """The same system in many accounts."""

    permission_model: Literal["self-managed", "service-managed"] = Field(
        description="Who makes the roles in the accounts: you, or AWS by trusted access to the organization",
        examples=["self-managed"],
    )
    accounts: tuple[Account, ...] = Field(
        default=(),
        description="The accounts; service-managed: what account_filter takes of the organizational units, or leaves",
        json_schema_extra={"uniqueItems": True},
    )
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html
    organizational_units: tuple[_Unit, ...] = Field(
        default=(),
        max_length=50,
        description="Service-managed: whose accounts, those of the units within included",
        json_schema_extra={"uniqueItems": True},
    )
    account_filter: Literal["none", "intersection", "difference", "union"] = Field(
        default="none",
        description="intersection: of the units only these accounts; difference: all but these; union: not in AWS yet",
    )
    call_as: Literal["self", "delegated_admin"] = Field(
        default="self", description="Service-managed: from the management account, or from a delegated administrator's"
    )
    auto_deployment: AutoDeploymentConfig = AutoDeploymentConfig()
    operations: OperationsConfig = OperationsConfig()
    admin_region: _AdminRegion | None = Field(
        default=None, description="Where the StackSets are kept and run from; else the first secondary"
    )
    administration_account: Account | None = Field(
        default=None,
        description="The account the StackSets are in: self-managed, the default of whom the execution role trusts;"
        " for a delegated administrator with auto-deployment the management account",
    )
    administration_role: _RoleName | None = Field(
        default=None, description="Self-managed: name of the role that CloudFormation takes in that account"
    )
    execution_role: _RoleName | None = Field(
        default=None, description="Self-managed: name of the role that it takes in each account"
    )

    @property
    def is_self_managed(self) -> bool:
        """Whether the roles are ours to make."""
        return self.permission_model == "self-managed"

    @property
    def trusted_account(self) -> AccountId | None:
        """The account that the execution role trusts, where the file says it."""
        return self.administration_account if self.is_self_managed else None


# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
_ALARM = r"^([!-~]|[!-~][ -~]*[!-~])$"
# Path and query as they are sent: RFC 3986 without a fragment; braces stand for nothing but the probe's id.
_PATH = r"[!$%&'()*+,./0-9:;=?@A-Z_a-z~-]*"
_WRITE = rf"^(PUT|POST) /{_PATH}\{{id\}}{_PATH}$"
_READ = rf"^GET /{_PATH}\{{id\}}{_PATH}$"
_DELETE = rf"^DELETE /{_PATH}\{{id\}}{_PATH}$"
_HEALTH = rf"^GET /{_PATH}$"
DRILL_PATTERNS = {
    _ALARM: "the name of a CloudWatch alarm in the primary region, no ARN",
    _WRITE: "method and path, with {id} where the probe's id stands, like PUT /items/{id}",
    _READ: "GET and a path, with {id} where the probe's id stands, like GET /items/{id}",
    _DELETE: "DELETE and a path, with {id} where the probe's id stands, like DELETE /items/{id}",
    _HEALTH: "GET and a path, like GET /health",
}
"""What each pattern asks for, in words."""
TAGS = frozenset({"[name]", "[paths]"})
"""What pydantic puts into a place for the kind of probe that it read; no key of the file is called so."""


def _quote(said: object) -> str:
    return f"'{said}'" if isinstance(said, str) else "nothing" if said is None else str(said)


def _check_alarm(name: str) -> str:
    if name.startswith("arn:"):
        raise ValueError(f"'{name}': {DRILL_PATTERNS[_ALARM]}")
    return name


def _check_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := next((name for place, name in enumerate(names) if name in names[:place]), None):
        raise ValueError(f"'{twice}' is there twice")
    return names


def _drill(said: object) -> object:
    """Return keys with values: `fis` is short for one of them."""
    if said is None:
        return {}
    if said == "fis":
        return {"fis": True}
    if isinstance(said, dict | Section):
        return said
    raise ValueError(f"{_quote(said)} is neither fis nor keys with values{did_you_mean(said, ['fis'])}")


def _fis(said: object) -> object:
    """Return the experiment's section, or None for none."""
    if said is None or said is False:
        return None
    if said is True:
        return {}
    if isinstance(said, dict | Section):
        return said
    raise ValueError(f"{_quote(said)} is neither true, nor false, nor keys with values")


def _probe(said: object) -> object:
    if said in ("handler", "table") or isinstance(said, dict | Section):
        return said
    raise ValueError(
        f"{_quote(said)} is neither handler, nor table, nor keys with values{did_you_mean(said, ['handler', 'table'])}"
    )


def _kind_of_probe(said: object) -> str:
    return "[name]" if isinstance(said, str) else "[paths]"


_AlarmName = Annotated[str, StringConstraints(pattern=_ALARM, max_length=255), AfterValidator(_check_alarm)]


class FisConfig(Section):
    """The experiment that pauses replication out of the primary: a stack of its own."""

    # https://docs.aws.amazon.com/fis/latest/userguide/fis-quotas.html: stop conditions of a template
    stop_alarms: Annotated[tuple[_AlarmName, ...], AfterValidator(_check_once)] = Field(
        default=(),
        max_length=5,
        description="CloudWatch alarms of the primary region that stop the experiment, by name",
        json_schema_extra={"uniqueItems": True},
        examples=[["checkout-errors"]],
    )


class PathsConfig(Section):
    """Probes through an application's own paths, at each region's own URL."""

    write: Annotated[str, StringConstraints(pattern=_WRITE)] = Field(
        description="Writes a probe; what is sent is JSON. A POST is not repeated in another region",
        examples=["PUT /items/{id}"],
    )
    read: Annotated[str, StringConstraints(pattern=_READ)] = Field(
        description="Answers with what was written, or 404", examples=["GET /items/{id}"]
    )
    health: Annotated[str, StringConstraints(pattern=_HEALTH)] = Field(
        default="GET /health", description="Answers 200 where the region is well"
    )
    delete: Annotated[str, StringConstraints(pattern=_DELETE)] | None = Field(
        default=None,
        description="Deletes a probe; where nothing is said, probes stay",
        examples=["DELETE /items/{id}"],
    )


ProbeConfig = Annotated[
    Annotated[Literal["handler", "table"], Tag("[name]")] | Annotated[PathsConfig, Tag("[paths]")],
    Discriminator(_kind_of_probe),
]


class DrillConfig(Section):
    """What drills need of the system."""

    fis: Annotated[FisConfig | None, BeforeValidator(_fis, json_schema_input_type=bool | FisConfig | None)] = Field(
        default=None,
        description="true: with a stack by which a drill can pause replication, `drill failover --fis`",
        examples=[True, {"stop_alarms": ["checkout-errors"]}],
    )
    probe: Annotated[
        ProbeConfig, BeforeValidator(_probe, json_schema_input_type=Literal["handler", "table"] | PathsConfig)
    ] = Field(
        default="handler",
        description="handler: PUT /items/<id>; table: items by DynamoDB's API, judged by GET /health; or own paths",
        examples=["table", {"write": "PUT /items/{id}", "read": "GET /items/{id}", "health": "GET /health"}],
    )


ShortOrDrill = Annotated[
    DrillConfig, BeforeValidator(_drill, json_schema_input_type=Literal["fis"] | DrillConfig | None)
]
"""`fis` alone, or the section."""
