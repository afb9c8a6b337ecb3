"""The schema of dr.yaml: what may be said, and what is meant where nothing is said.

What is wrong between two keys is `between.py`'s; how it is told is `load.py`'s.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from builder.config.available import Runtime, region_fault
from builder.config.sections import (
    ACCOUNT_PATTERN,
    DRILL_PATTERNS,
    FLEET_PATTERNS,
    Account,
    DrillConfig,
    FleetConfig,
    Section,
    ShortOrDrill,
)
from builder.terms import Region


def _check_region(name: str) -> str:
    if fault := region_fault(name):
        raise ValueError(fault)
    return name


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
_REGION = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$"
_ROLE_ARN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]+$"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_POLICY = r"^([A-Za-z0-9_+=,.@-]|\$\{EnvironmentSuffix\})+(/([A-Za-z0-9_+=,.@-]|\$\{EnvironmentSuffix\})+)*$"
_VARIABLE = r"^[a-zA-Z][a-zA-Z0-9_]+$"
# https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
# Said by what is not allowed, since editors' regular expressions know no \p{L}.
_TAG = r"^[^\x00-\x1f!-*,;<>?\[-^`{-\x7f]*$"
PATTERNS = {
    _PROJECT: "only lower-case letters, digits and hyphens, a letter first and no hyphen last",
    _SUFFIX: "only lower-case letters, digits and hyphens, no hyphen first or last",
    ACCOUNT_PATTERN: "an account has 12 digits",
    _ROLE_ARN: "the ARN of an IAM role looks like arn:aws:iam::111122223333:role/NAME",
    _POLICY: "the name of a policy in the deployment's own account, no ARN; it may hold ${EnvironmentSuffix}",
    _VARIABLE: "only letters, digits and underscores, two at least and a letter first",
    _TAG: "only letters, digits, spaces and _ . : / = + - @",
    **DRILL_PATTERNS,
    **FLEET_PATTERNS,
}
"""What each pattern asks for, in words."""
SEPARATORS = {_PROJECT: "-", _SUFFIX: "-", _VARIABLE: "_", ACCOUNT_PATTERN: ""}
"""What stands between the words of a name, where the pattern takes one."""
_ProjectName = Annotated[str, StringConstraints(pattern=_PROJECT, max_length=32), AfterValidator(_check_project)]
_NamePart = Annotated[str, StringConstraints(pattern=_SUFFIX, max_length=37)]
_RegionName = Annotated[
    Region, AfterValidator(_check_region), Field(json_schema_extra={"pattern": _REGION}, examples=["us-east-1"])
]
_RoleArn = Annotated[str, StringConstraints(pattern=_ROLE_ARN)]
_PolicyName = Annotated[str, StringConstraints(pattern=_POLICY, max_length=128)]
_VariableName = Annotated[str, StringConstraints(pattern=_VARIABLE)]
_Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
_Many = Annotated[int, Field(strict=True, ge=0)]
_TagKey = Annotated[str, StringConstraints(pattern=_TAG, min_length=1, max_length=128)]
# A stack takes no empty one: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
_TagValue = Annotated[str, StringConstraints(pattern=_TAG, min_length=1, max_length=256)]
# CloudWatch Logs takes these periods and no others.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]


class RegionsConfig(Section):
    """Where the system runs: one primary, and at least one secondary with everything the primary has."""

    primary: _RegionName = Field(description="Where the table and the replication are managed", examples=["us-east-1"])
    secondaries: tuple[_RegionName, ...] = Field(
        min_length=1,
        description="Where everything stands a second time; the first one is the outputs' secondary",
        examples=[["us-west-2"]],
        json_schema_extra={"uniqueItems": True},
    )

    @property
    def all(self) -> tuple[Region, ...]:
        """Every region, the primary first."""
        return (self.primary, *self.secondaries)


class TableConfig(Section):
    """The global table."""

    point_in_time_recovery: bool = Field(
        default=True, strict=True, description="Continuous backups of each replica, to any second of 35 days"
    )


class BucketConfig(Section):
    """The bucket of each region."""

    expire_noncurrent_days: int = Field(
        default=30, strict=True, ge=1, le=36500, description="Days until an overwritten or deleted version is gone"
    )


def _source(known: dict[str, Any]) -> str:
    return "lambda/nodejs" if str(known.get("runtime")).startswith("nodejs") else "lambda/python"


class FunctionConfig(Section):
    """The function of each region, and the URL in front of it."""

    runtime: Runtime = Field(default="python3.14", description="Lambda runtime: index.py for Python, index.js for Node")
    source: str = Field(
        default_factory=_source,
        min_length=1,
        description="Folder of index.py or index.js; lambda/python or lambda/nodejs where nothing is said",
    )
    memory_mb: int = Field(default=256, strict=True, ge=128, le=10240, description="Memory; processor time follows it")
    timeout_s: int = Field(default=10, strict=True, ge=1, le=900, description="Seconds until a request is given up")
    url_auth: Literal["AWS_IAM", "NONE"] = Field(
        default="AWS_IAM", description="Who may call the URL: AWS_IAM signed requests only, NONE anyone who knows it"
    )
    environment: dict[_VariableName, str] = Field(
        default_factory=dict, description="More environment variables; TABLE_NAME, ROLE and REGIONS are there already"
    )
    log_retention_days: _RetentionDays = Field(default=30, description="Days that log lines are kept")

    @property
    def handler_file(self) -> str:
        """The handler's file, relative to the folder of dr.yaml."""
        return f"{self.source}/index.{'js' if self.runtime.startswith('nodejs') else 'py'}"


class ObjectivesConfig(Section):
    """What the system promises for a bad day; `drill` measures it, and fails where it is missed."""

    rpo_seconds: _Seconds | None = Field(
        default=None, description="Age of the oldest acknowledged write that may be lost", examples=[5]
    )
    rto_seconds: _Seconds | None = Field(
        default=None,
        description="Time that clients may be without service, after the fault and again after its end",
        examples=[60],
    )
    service_seconds: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Time in which a request is answered, or there is no service; else the client's own deadline",
        examples=[5],
    )
    longest_gap_seconds: _Seconds | None = Field(
        default=None, description="Longest time between two good answers that follow each other", examples=[10]
    )
    availability_percent: Annotated[float, Field(strict=True, ge=0, le=100)] | None = Field(
        default=None, description="Requests of 100 that are answered in time, from the fault to the end", examples=[95]
    )
    requests_lost: _Many | None = Field(
        default=None, description="Requests that no region takes, from the fault to the end", examples=[0]
    )
    stale_reads: _Many | None = Field(
        default=None, description="Reads of an older value than the last one that was acknowledged", examples=[0]
    )
    overwritten_updates: _Many | None = Field(
        default=None, description="Acknowledged updates that a later one overwrites without knowing it", examples=[0]
    )
    replication_p99_seconds: _Seconds | None = Field(
        default=None, description="Time in which 99 of 100 items reach the other region's table", examples=[2]
    )


class EnvironmentConfig(Section):
    """What one environment says of its deployment; nothing here changes a template."""

    account: Account | None = Field(default=None, description="The only account this environment may be deployed to")
    role_arn: _RoleArn | None = Field(default=None, description="The role CloudFormation takes; else the caller's own")
    production: bool = Field(
        default=False, strict=True, description="People depend on it: no drill without --yes-in-production"
    )


class Config(Section):
    """What is wanted: a system in two or more AWS regions."""

    project: _ProjectName = Field(description="First part of every name", examples=["tap"])
    environment: _NamePart = Field(
        description="Second part of every name, where neither --env nor ENVIRONMENT_SUFFIX is given", examples=["dev"]
    )
    regions: RegionsConfig = Field(examples=[{"primary": "us-east-1", "secondaries": ["us-west-2"]}])
    table: TableConfig = TableConfig()
    bucket: BucketConfig = BucketConfig()
    function: FunctionConfig = FunctionConfig()
    objectives: ObjectivesConfig = ObjectivesConfig()
    drill: ShortOrDrill = Field(
        default=DrillConfig(), description="What drills need of the system; fis is short for {fis: true}"
    )
    permissions_boundary: _PolicyName | None = Field(
        default=None,
        description="Managed policy that bounds every role of the system; ${EnvironmentSuffix} stands for the suffix",
        examples=["boundary-${EnvironmentSuffix}"],
    )
    termination_protection: bool | None = Field(
        default=None,
        strict=True,
        description="Whether stacks are protected from deletion; where nothing is said, that is left as it is found",
    )
    tags: dict[_TagKey, _TagValue] = Field(default_factory=dict, max_length=46, description="Tags of every resource")
    environments: dict[_NamePart, EnvironmentConfig] = Field(
        default_factory=dict, description="What holds for one environment only, by its suffix"
    )
    fleet: FleetConfig | None = Field(default=None, description="The same system in many accounts, by StackSets")

    @property
    def admin_region(self) -> Region:
        """Where a fleet's StackSets are: the first secondary, so that they can be run while the primary is down."""
        said = self.fleet.admin_region if self.fleet else None
        return said or self.regions.secondaries[0]
