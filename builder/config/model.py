"""The schema of dr.yaml: what may be said, and what is meant where nothing is said."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from builder.config.regions import known_regions, region_fault
from builder.terms import AccountId, Region


def _check_region(name: str) -> str:
    if fault := region_fault(name):
        raise ValueError(fault)
    return name


# Project and environment go into bucket names, which are the strictest of all the names made from them.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_NamePart = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=37)]
_ProjectName = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=32)]
_RegionName = Annotated[Region, AfterValidator(_check_region)]
_Account = Annotated[AccountId, StringConstraints(pattern=r"^[0-9]{12}$")]
_RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")]
_VariableName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RegionsConfig(_Section):
    """Where the system runs: one primary, and at least one secondary with everything the primary has."""

    primary: _RegionName
    secondaries: tuple[_RegionName, ...] = Field(min_length=1)

    @property
    def all(self) -> tuple[Region, ...]:
        """Every region, the primary first."""
        return (self.primary, *self.secondaries)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        doubled = sorted({name for name in self.all if self.all.count(name) > 1})
        if doubled:
            raise ValueError(f"{', '.join(doubled)} is named more than once")
        # A global table, a replication rule and an IAM role all end at the partition's border.
        partitions = {known_regions()[name] for name in self.all}
        if len(partitions) > 1:
            raise ValueError(f"the regions are in different partitions: {', '.join(sorted(partitions))}")
        return self


class TableConfig(_Section):
    """The global table."""

    point_in_time_recovery: bool = True


class BucketConfig(_Section):
    """The bucket of each region."""

    expire_noncurrent_days: int = Field(default=30, ge=1, le=36500)


class FunctionConfig(_Section):
    """The function of each region, and the URL in front of it."""

    source: str = "lambda/python"
    runtime: Literal["python3.13", "python3.14"] = "python3.14"
    memory_mb: int = Field(default=256, ge=128, le=10240)
    timeout_s: int = Field(default=10, ge=1, le=900)
    url_auth: Literal["AWS_IAM", "NONE"] = "AWS_IAM"
    environment: dict[_VariableName, str] = Field(default_factory=dict)
    # CloudWatch Logs takes these periods and no others.
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    log_retention_days: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ] = 30

    @model_validator(mode="after")
    def _check_reserved(self) -> Self:
        taken = sorted(set(self.environment) & {"TABLE_NAME", "ROLE", "REGIONS"})
        if taken:
            raise ValueError(f"environment.{taken[0]} is set by the builder")
        reserved = sorted(name for name in self.environment if name.startswith(("AWS_", "LAMBDA_")))
        if reserved:
            raise ValueError(f"environment.{reserved[0]}: names beginning with AWS_ or LAMBDA_ are Lambda's own")
        return self


class EnvironmentConfig(_Section):
    """What one environment says of its deployment; nothing here changes a template."""

    account: _Account | None = None
    role_arn: _RoleArn | None = None


class Config(_Section):
    """The whole of dr.yaml."""

    project: _ProjectName
    environment: _NamePart
    regions: RegionsConfig
    table: TableConfig = TableConfig()
    bucket: BucketConfig = BucketConfig()
    function: FunctionConfig = FunctionConfig()
    tags: dict[str, str] = Field(default_factory=dict)
    environments: dict[_NamePart, EnvironmentConfig] = Field(default_factory=dict)
