"""The schema of dr.yaml: its keys, and their defaults.

What is wrong between two keys is `between.py`'s; how it is told is `load.py`'s.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from builder.components.alarms.options import ALARMS_PATTERNS, AlarmsConfig, AlarmsVarying
from builder.components.artifacts.options import ARTIFACTS_PATTERNS, BucketOfOwn
from builder.components.bucket.options import BUCKET_PATTERNS, BucketConfig, BucketVarying
from builder.components.drill.options import DRILL_PATTERNS, DrillConfig, ShortOrDrill
from builder.components.fleet.options import FLEET_PATTERNS, FleetConfig
from builder.components.function.options import FUNCTION_PATTERNS, FUNCTION_SEPARATORS, FunctionConfig, FunctionVarying
from builder.components.key.options import KEY_PATTERNS, EncryptionConfig
from builder.components.options import ACCOUNT_PATTERN, BUCKET, FUNCTION, SELDOM, TABLE, Account, RegionName, Section
from builder.components.own.options import (
    OWN_PATTERNS,
    OWN_SEPARATORS,
    ComponentConfig,
    ComponentName,
    OutputName,
    OutputValue,
    OwnStackConfig,
)
from builder.components.table.options import TABLE_PATTERNS, TableConfig, TableVarying
from builder.terms import Region


def _check_project(name: str) -> str:
    # Every bucket's name begins with the project's.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    for taken in ("xn--", "sthree-", "amzn-s3-demo-"):
        if name.startswith(taken):
            raise ValueError(f"'{name}': S3 keeps bucket names that begin with {taken} for itself")
    return name


# Project and environment go into bucket names, which are the strictest of all the names made from them.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_PROJECT = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
_SUFFIX = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
_ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_POLICY = r"^([A-Za-z0-9_+=,.@-]|\$\{EnvironmentSuffix\})+(/([A-Za-z0-9_+=,.@-]|\$\{EnvironmentSuffix\})+)*$"
# https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
# Said by what is not allowed, since editors' regular expressions know no \p{L}.
_TAG = r"^[^\x00-\x1f!-*,;<>?\[-^`{-\x7f]*$"
PATTERNS = {
    _PROJECT: "only lower-case letters, digits and hyphens, a letter first and no hyphen last",
    _SUFFIX: "only lower-case letters, digits and hyphens, no hyphen first or last",
    ACCOUNT_PATTERN: "an account has 12 digits",
    _ROLE_ARN: "the ARN of an IAM role looks like arn:aws:iam::111122223333:role/NAME",
    _POLICY: "the name of a policy in the deployment's own account, no ARN; it may hold ${EnvironmentSuffix}",
    _TAG: "only letters, digits, spaces and _ . : / = + - @",
    **ALARMS_PATTERNS,
    **ARTIFACTS_PATTERNS,
    **BUCKET_PATTERNS,
    **DRILL_PATTERNS,
    **FLEET_PATTERNS,
    **FUNCTION_PATTERNS,
    **KEY_PATTERNS,
    **OWN_PATTERNS,
    **TABLE_PATTERNS,
}
"""What each pattern asks for, in words."""
SEPARATORS = {_PROJECT: "-", _SUFFIX: "-", ACCOUNT_PATTERN: "", **FUNCTION_SEPARATORS, **OWN_SEPARATORS}
"""What stands between the words of a name, where the pattern takes one."""
_ProjectName = Annotated[str, StringConstraints(pattern=_PROJECT, max_length=32), AfterValidator(_check_project)]
_NamePart = Annotated[str, StringConstraints(pattern=_SUFFIX, max_length=37)]
_RoleArn = Annotated[str, StringConstraints(pattern=_ROLE_ARN)]
_PolicyName = Annotated[str, StringConstraints(pattern=_POLICY, max_length=128)]
_Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
_Many = Annotated[int, Field(strict=True, ge=0)]
_TagKey = Annotated[str, StringConstraints(pattern=_TAG, min_length=1, max_length=128)]
# A stack takes no empty one: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
_TagValue = Annotated[str, StringConstraints(pattern=_TAG, min_length=1, max_length=256)]


def _none_as_empty(written: object) -> object:
    """Return an empty section for `table:` alone: a key without a value counts as written."""
    return {} if written is None else written


_EMPTY = BeforeValidator(_none_as_empty)


class RegionsConfig(Section):
    """The regions of the system: one primary, and at least one secondary with everything the primary has."""

    primary: RegionName = Field(
        description="Region whose stacks manage the global tables and the replication", examples=["us-east-1"]
    )
    secondaries: tuple[RegionName, ...] = Field(
        min_length=1,
        description="Regions with everything that the primary has; outputs named secondary are those of the first one",
        examples=[["us-west-2"]],
        json_schema_extra={"uniqueItems": True},
    )
    born: RegionName | None = Field(
        default=None,
        description="Primary region when the system was created, by which functions are named; default: the primary",
    )

    @property
    def all(self) -> tuple[Region, ...]:
        """Every region, the primary first."""
        return (self.primary, *self.secondaries)

    @property
    def by_birth(self) -> tuple[Region, ...]:
        """Every region in the order of the system's first day, for what a promotion leaves as it is: that one first.

        After one promotion it is the order from before; after several of different secondaries the others may differ.
        """
        born = self.born or self.primary
        return (born, *(self.primary if region == born else region for region in self.secondaries))

    def role(self, region: Region) -> Literal["primary", "secondary"]:
        """Return what a region of the system is now."""
        return "primary" if region == self.primary else "secondary"

    def born_as(self, region: Region) -> Literal["primary", "secondary"]:
        """Return what a region was when the system was made."""
        return "primary" if region == (self.born or self.primary) else "secondary"


class ObjectivesConfig(Section):
    """The objectives of the system for a bad day; `drill` measures them, and fails if one is missed."""

    rpo_seconds: _Seconds | None = Field(
        default=None, description="Greatest age, in seconds, of an acknowledged write that may be lost", examples=[5]
    )
    rto_seconds: _Seconds | None = Field(
        default=None,
        description="Seconds that clients may be without service, after the fault and again after its end",
        examples=[60],
    )
    service_seconds: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Seconds in which a request must be answered to count as served; default: the client's own "
        "deadline",
        examples=[5],
    )
    longest_gap_seconds: _Seconds | None = Field(
        default=None, description="Longest time, in seconds, between two successive good answers", examples=[10]
    )
    availability_percent: Annotated[float, Field(strict=True, ge=0, le=100)] | None = Field(
        default=None,
        description="Lowest percentage of requests that are answered in time, from the fault to the end of the load",
        examples=[95],
    )
    requests_lost: _Many | None = Field(
        default=None,
        description="Requests that no region may acknowledge, from the fault to the end of the load",
        examples=[0],
    )
    stale_reads: _Many | None = Field(
        default=None,
        description="Reads that may return an older value than the last one that was acknowledged",
        examples=[0],
    )
    overwritten_updates: _Many | None = Field(
        default=None,
        description="Acknowledged updates that a later one may overwrite without having read them",
        examples=[0],
    )
    replication_p99_seconds: _Seconds | None = Field(
        default=None, description="Seconds in which 99 of 100 items must reach the other region's table", examples=[2]
    )


_Table = Annotated[TableConfig, BeforeValidator(_none_as_empty, json_schema_input_type=TableConfig | None)]
_Bucket = Annotated[BucketConfig, BeforeValidator(_none_as_empty, json_schema_input_type=BucketConfig | None)]
_Function = Annotated[FunctionConfig, BeforeValidator(_none_as_empty, json_schema_input_type=FunctionConfig | None)]


class EnvironmentConfig(Section):
    """The settings of one environment; its templates are those of all environments."""

    account: Account | None = Field(default=None, description="Only account that this environment may be deployed to")
    role_arn: _RoleArn | None = Field(
        default=None, description="ARN of the role that CloudFormation assumes; default: the caller's credentials"
    )
    production: bool = Field(
        default=False,
        strict=True,
        description="true: people depend on it; drills need --yes-in-production, and every protection is on",
    )
    termination_protection: bool | None = Field(
        default=None, strict=True, description="Whether stacks are protected from deletion in this environment"
    )
    deletion_protection: bool | None = Field(
        default=None,
        strict=True,
        description="Whether every table is protected from deletion in this environment, in each region",
    )
    replacement_protection: bool | None = Field(
        default=None,
        strict=True,
        description="Whether stack policies deny updates that replace or remove resources with data in this "
        "environment",
    )
    table: TableVarying | None = Field(default=None, description="Options of `table:` in this environment")
    bucket: BucketVarying | None = Field(default=None, description="Options of `bucket:` in this environment")
    function: FunctionVarying | None = Field(default=None, description="Options of `function:` in this environment")
    tables: dict[ComponentName, TableVarying] = Field(
        default_factory=dict, description="Options of `tables:` in this environment, by name"
    )
    buckets: dict[ComponentName, BucketVarying] = Field(
        default_factory=dict, description="Options of `buckets:` in this environment, by name"
    )
    functions: dict[ComponentName, FunctionVarying] = Field(
        default_factory=dict,
        description="Options of `functions:` in this environment, by name",
        examples=[{"api": {"memory_mb": 1024}}],
    )
    alarms: AlarmsVarying | None = Field(default=None, description="Options of `alarms:` in this environment")

    def options(self, kind: str, name: str) -> Section | None:
        """Return the options here of a component of `table`, `bucket` or `function`; None where there are none."""
        return _by_name(self, kind).get(name)


class Config(Section):
    """A system in two or more AWS regions."""

    project: _ProjectName = Field(description="First part of every name", examples=["tap"])
    environment: _NamePart = Field(
        description="Second part of every name, unless --env or ENVIRONMENT_SUFFIX is given", examples=["dev"]
    )
    regions: RegionsConfig = Field(examples=[{"primary": "us-east-1", "secondaries": ["us-west-2"]}])
    table: Annotated[TableConfig | None, _EMPTY] = Field(
        default=None, description="A global table with a replica in each region; no table if this key is absent"
    )
    bucket: Annotated[BucketConfig | None, _EMPTY] = Field(
        default=None,
        description="A bucket in each region, replicated from the primary; no bucket if this key is absent",
    )
    function: Annotated[FunctionConfig | None, _EMPTY] = Field(
        default=None, description="A function with a URL in each region; no function if this key is absent"
    )
    tables: dict[ComponentName, _Table] = Field(
        default_factory=dict,
        description="Global tables, by name",
        examples=[{"orders": {"key": {"customer": "S", "placed_at": "S"}}}],
    )
    buckets: dict[ComponentName, _Bucket] = Field(
        default_factory=dict, description="Buckets in every region, by name", examples=[{"uploads": {}}]
    )
    functions: dict[ComponentName, _Function] = Field(
        default_factory=dict,
        description="Functions in every region, by name",
        examples=[{"api": {"source": "services/api"}}],
    )
    encryption: Annotated[EncryptionConfig, SELDOM] | None = Field(
        default=None,
        description="A KMS key for tables, buckets, logs and environment variables; AWS's own keys if this key is "
        "absent",
        examples=[{"key": "managed"}],
    )
    alarms: Annotated[Annotated[AlarmsConfig, SELDOM] | None, _EMPTY] = Field(
        default=None,
        description="Alarms on built-in components and a topic, in each region; no alarms if this key is absent",
        examples=[{"email": ["ops@example.com"]}],
    )
    stacks: dict[ComponentName, Annotated[OwnStackConfig, SELDOM]] = Field(
        default_factory=dict,
        description="Your own templates, each deployed as a stack in one or more regions",
        examples=[{"network": {"template": "cfn/network.yaml"}}],
    )
    artifacts_bucket: BucketOfOwn | None = Field(
        default=None,
        description="Name of your own bucket for code and templates in each region, with {region} in place of the "
        "region",
        examples=["shop-artifacts-{region}"],
    )
    components: dict[ComponentName, Annotated[ComponentConfig, SELDOM]] = Field(
        default_factory=dict, description="Components of your own stacks that are observed, called and drilled"
    )
    outputs: dict[OutputName, Annotated[OutputValue, SELDOM]] = Field(
        default_factory=dict,
        description="Outputs of your own stacks that the deployment shows, by names that you choose",
        examples=[{"vpc": {"output": "us-east-1/network.VpcId"}}],
    )
    objectives: ObjectivesConfig = ObjectivesConfig()
    drill: ShortOrDrill = Field(default=DrillConfig(), description="Settings of drills; fis is short for {fis: true}")
    permissions_boundary: _PolicyName | None = Field(
        default=None,
        description="Name of the managed policy that is every role's permissions boundary; it may hold "
        "${EnvironmentSuffix}",
        examples=["boundary-${EnvironmentSuffix}"],
    )
    termination_protection: bool | None = Field(
        default=None,
        strict=True,
        description="Whether stacks are protected from deletion; if this key is absent, that is not changed",
    )
    protect: bool = Field(
        default=False,
        strict=True,
        description="Whether data of built-in components is retained when its stack is deleted, until it is deleted "
        "by name",
    )
    tags: dict[_TagKey, _TagValue] = Field(default_factory=dict, max_length=46, description="Tags of every resource")
    environments: dict[_NamePart, Annotated[EnvironmentConfig, SELDOM]] = Field(
        default_factory=dict, description="Settings of one environment only, by its suffix"
    )
    fleet: Annotated[FleetConfig, SELDOM] | None = Field(
        default=None, description="The same system in many accounts, by StackSets"
    )

    @property
    def tables_by_name(self) -> Mapping[str, TableConfig]:
        """Every table by its component's name; `table` is that of `table:` itself."""
        return cast("dict[str, TableConfig]", _by_name(self, TABLE))

    @property
    def buckets_by_name(self) -> Mapping[str, BucketConfig]:
        """Every bucket by its component's name; `bucket` is that of `bucket:` itself."""
        return cast("dict[str, BucketConfig]", _by_name(self, BUCKET))

    @property
    def functions_by_name(self) -> Mapping[str, FunctionConfig]:
        """Every function by its component's name; `function` is that of `function:` itself."""
        return cast("dict[str, FunctionConfig]", _by_name(self, FUNCTION))

    def options(self, kind: str, name: str) -> Section:
        """Return the options of a component of `table`, `bucket` or `function`. Raises KeyError for an unknown one."""
        options: Section = _by_name(self, kind)[name]
        return options

    @property
    def admin_region(self) -> Region:
        """Where a fleet's StackSets are: the first secondary, so that they can be run while the primary is down."""
        region = self.fleet.admin_region if self.fleet else None
        return region or self.regions.secondaries[0]


def _by_name(holder: Section, kind: str) -> dict[str, Any]:
    """Return what a section says of the components of a kind, the one under the kind's own key named after it."""
    own = getattr(holder, kind)
    return {**({kind: own} if own is not None else {}), **getattr(holder, f"{kind}s", {})}
