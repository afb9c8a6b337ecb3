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
    """What happens when an account joins or leaves an organizational unit."""

    enabled: bool = Field(
        default=False, strict=True, description="Whether the system is deployed to an account that joins"
    )
    retain_stacks: bool = Field(
        default=False,
        strict=True,
        description="Whether an account that leaves keeps its stacks; if not, they are deleted",
    )


class OperationsConfig(Section):
    """The pace of operations in the accounts; amounts are counts, or percentages like 10%."""

    failure_tolerance: _Tolerance = Field(
        default=0, description="Accounts per region that may fail before the operation starts no others"
    )
    max_concurrent: _Concurrency = Field(default=1, description="Accounts that are changed at the same time")
    concurrency_mode: Literal["strict", "soft"] = Field(
        default="strict",
        description="strict: at most one more at a time than may fail; soft: always as many as max_concurrent",
    )
    region_concurrency: Literal["sequential", "parallel"] = Field(
        default="sequential",
        description="Order of the regions of one StackSet; each has one region, unless more are added by hand",
    )


class FleetConfig(Section):
    """The same system in many accounts."""

    permission_model: Literal["self-managed", "service-managed"] = Field(
        description="Who creates the roles in the accounts: you, or AWS by trusted access to the organization",
        examples=["self-managed"],
    )
    accounts: tuple[Account, ...] = Field(
        default=(),
        description="Accounts to deploy to; service-managed: the accounts of the units that account_filter includes "
        "or excludes",
        json_schema_extra={"uniqueItems": True},
    )
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html
    organizational_units: tuple[_Unit, ...] = Field(
        default=(),
        max_length=50,
        description="Service-managed: organizational units whose accounts are deployed to, with all units in them",
        json_schema_extra={"uniqueItems": True},
    )
    organization: _OrganizationId | None = Field(
        default=None,
        description="Id of the organization whose accounts may read the buckets for code; default: only the accounts "
        "listed",
    )
    account_filter: Literal["none", "intersection", "difference", "union"] = Field(
        default="none",
        description="intersection: only these accounts of the units; difference: all but these; union: refused by AWS",
    )
    call_as: Literal["self", "delegated_admin"] = Field(
        default="self",
        description="Service-managed: whether to call from the management account, or from a delegated administrator's",
    )
    auto_deployment: AutoDeploymentConfig = AutoDeploymentConfig()
    operations: OperationsConfig = OperationsConfig()
    admin_region: RegionName | None = Field(
        default=None,
        description="Region that holds the StackSets and runs their operations; default: the first secondary",
    )
    administration_account: Account | None = Field(
        default=None,
        description="Account of the StackSets; self-managed: the account that the execution role trusts by default; "
        "delegated administrator with auto-deployment: the management account",
    )
    administration_role: _RoleName | None = Field(
        default=None,
        description="Self-managed: name of the role that CloudFormation assumes in the administration account",
    )
    execution_role: _RoleName | None = Field(
        default=None, description="Self-managed: name of the role that it assumes in each account"
    )

    @property
    def is_self_managed(self) -> bool:
        """Whether the roles are ours to make."""
        return self.permission_model == "self-managed"

    @property
    def trusted_account(self) -> AccountId | None:
        """The account that the execution role trusts, where the file says it."""
        return self.administration_account if self.is_self_managed else None
