"""Which accounts a set's targets come to, and who of them is left out; pure.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from builder.errors import BadInput
from builder.fleet.records import ACTIVE, Aimed, Instance, StackSet, Targets
from builder.terms import AccountId, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """As much of an organisation as a plan asks about."""

    management: AccountId | None = None
    members: Mapping[str, tuple[AccountId, ...]] = field(default_factory=dict)
    """By organisational unit or root, the accounts in it and in every unit below it."""
    inactive: Mapping[AccountId, str] = field(default_factory=dict)
    """Accounts that no stack can be put into, with the state that says so, such as SUSPENDED."""

    def state_of(self, account: AccountId) -> str | None:
        """Return the account's state; None where it is in none of the units."""
        known = any(account in accounts for accounts in self.members.values())
        return self.inactive.get(account, ACTIVE if known else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Where a set's stacks are wanted, and where not though the targets name it."""

    sites: tuple[Site, ...]
    remarks: tuple[str, ...] = ()


def units_of(targets: Iterable[tuple[Targets, ...]]) -> tuple[str, ...]:
    """Return every organisational unit that any of them names, each once."""
    return tuple(dict.fromkeys(unit for groups in targets for one in groups for unit in one.units))


def take_aim(stack_set: StackSet, groups: tuple[Targets, ...], organization: Organization) -> Aim:
    """Return where the set's stacks are wanted.

    Raises BadInput where a service-managed set names the management account, into which StackSets deploy nothing.
    """
    for one in groups:
        _refuse_management(stack_set, one, organization)
    named = dict.fromkeys(one.site for one in aim_of(groups, organization))
    accounts = (AccountId(str(site.account)) for site in named)
    left_out = dict.fromkeys(account for account in accounts if _is_out(stack_set, account, organization))
    return Aim(
        sites=tuple(site for site in named if site.account not in left_out),
        remarks=tuple(_remarks(left_out, organization)),
    )


def aim_of(groups: tuple[Targets, ...], organization: Organization) -> tuple[Aimed, ...]:
    """Return every place that the groups lead to, once for each target that does, who is left out included.

    It is by these that CloudFormation compares an update with what was: a place that is aimed at by another target
    than before is deleted by the one and created by the other.
    Source: InstancesAnalyzer and AltStackInstancesCalculator of AWS::CloudFormation::StackSet, in
    https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation
    """
    found = (
        Aimed(unit, Site(account, region))
        for one in groups
        for region in one.regions
        for unit, account in _accounts(one, organization)
    )
    return tuple(dict.fromkeys(found))


def with_departed(organization: Organization, instances: Iterable[Instance]) -> Organization:
    """Return the organisation with accounts still counted to the unit that they came by, though they have left it.

    Their instances stay with the target, and go when it goes.
    """
    members = dict(organization.members)
    for one in instances:
        account = AccountId(str(one.site.account))
        if account not in members.get(one.unit, (account,)):
            members[one.unit] = (*members[one.unit], account)
    return replace(organization, members=members)


def _accounts(targets: Targets, organization: Organization) -> Iterator[tuple[str, AccountId]]:
    """Yield accounts, each with the unit that it is aimed at by."""
    below = dict.fromkeys((unit, account) for unit in targets.units for account in organization.members.get(unit, ()))
    match targets.filter:
        case "INTERSECTION":
            yield from (one for one in below if one[1] in targets.accounts)
        case "DIFFERENCE":
            yield from (one for one in below if one[1] not in targets.accounts)
        case "UNION" | "NONE":
            yield from below
    if targets.filter == "UNION" or not targets.units:
        yield from (("", account) for account in targets.accounts)


def _refuse_management(stack_set: StackSet, targets: Targets, organization: Organization) -> None:
    management = organization.management
    is_named = management in targets.accounts and targets.filter != "DIFFERENCE"
    if stack_set.is_service_managed and is_named:
        raise BadInput(
            where=stack_set.id,
            what=f"{management} is the organisation's management account, which a service-managed fleet never reaches",
            next_step="take it out of fleet's accounts in dr.yaml, then: python -m builder render",
        )


def _is_out(stack_set: StackSet, account: AccountId, organization: Organization) -> bool:
    is_management = stack_set.is_service_managed and account == organization.management
    return is_management or account in organization.inactive


def _remarks(left_out: Iterable[AccountId], organization: Organization) -> Iterator[str]:
    for account in left_out:
        if account == organization.management:
            yield f"{account} is left out: it is the organisation's management account"
        else:
            yield f"{account} is left out: it is {organization.inactive[account]}"
