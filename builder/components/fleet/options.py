"""What dr.yaml may say under `fleet:`."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from builder.components.options import Account, RegionName, Section
from builder.terms import AccountId

# https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html
_UNIT = r"^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$"
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
_ORGANIZATION = r"^o-[a-z0-9]{10,32}$"
_ROLE = r"^([A-Za-z0-9_+=,.@-]|\$\{EnvironmentSuffix\})+$"
_FROM_0 = r"^(100|[1-9]?[0-9])%$"
_FROM_1 = r"^(100|[1-9][0-9]?)%$"
FLEET_PATTERNS = {
    _UNIT: "an organizational unit looks like ou-ab12-11112222, the root like r-ab12",
    _ORGANIZATION: "an organization's id looks like o-a1b2c3d4e5",
    _ROLE: "the name of a role, no ARN and no path; it may hold ${EnvironmentSuffix}",
    _FROM_0: "a count from 0 or a percentage from 0% to 100%",
    _FROM_1: "a count from 1 or a percentage from 1% to 100%",
}
"""What each pattern asks for, in words."""


def _amount(least: int, pattern: str) -> tuple[BeforeValidator, WithJsonSchema]:
    def check(value: object) -> object:
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= least
        if is_count or (isinstance(value, str) and re.fullmatch(pattern, value)):
            return value
        shown = f"'{value}'" if isinstance(value, str) else str(value)
        raise ValueError(f"{shown} is not {FLEET_PATTERNS[pattern]}")

    kinds = [{"type": "integer", "minimum": least}, {"type": "string", "pattern": pattern}]
    return BeforeValidator(check), WithJsonSchema({"anyOf": kinds})


_Unit = Annotated[str, StringConstraints(pattern=_UNIT)]
_OrganizationId = Annotated[str, StringConstraints(pattern=_ORGANIZATION)]
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
    organization: _OrganizationId | None = Field(
        default=None,
        description="The organization's id: its accounts may read the buckets for code; else the accounts listed here",
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
    admin_region: RegionName | None = Field(
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
