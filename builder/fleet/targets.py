"""The accounts of the organisation's units, those that a set's targets include, and those that are left out.

Last how work is done in each account: with clients that assume a role there.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from builder.aws import Clients, call, pages, together
from builder.deploy.observe.stacks import ObservedStack, observe_stack
from builder.deploy.records import ResourceChange
from builder.errors import AwsError, BadInput
from builder.fleet.records import (
    ACTIVE,
    Definition,
    InstanceOverride,
    Skipped,
    StackInstance,
    StackSet,
    TargetedSite,
    Targets,
    skips,
)
from builder.terms import AccountId, Region, Site

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import AccountTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The part of an organisation that a plan reads."""

    management: AccountId | None = None
    members: Mapping[str, tuple[AccountId, ...]] = field(default_factory=dict)
    """By organisational unit or root, the accounts in it and in every unit below it."""
    inactive: Mapping[AccountId, str] = field(default_factory=dict)
    """Accounts in which no stack can be created, with the state that shows it, such as SUSPENDED."""

    def state_of(self, account: AccountId) -> str | None:
        """Return the account's state; None if it is in none of the units."""
        known = any(account in accounts for accounts in self.members.values())
        return self.inactive.get(account, ACTIVE if known else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSites:
    """Where a set is to have stacks, and remarks on targeted accounts that are left out."""

    sites: tuple[Site, ...]
    remarks: tuple[str, ...] = ()


def units_of(targets: Iterable[tuple[Targets, ...]]) -> tuple[str, ...]:
    """Return every organisational unit that any of the targets names, each once."""
    return tuple(dict.fromkeys(unit for groups in targets for group in groups for unit in group.units))


def choose_targets(stack_set: StackSet, groups: tuple[Targets, ...], organization: Organization) -> TargetSites:
    """Return where the set is to have stacks.

    Raises BadInput where a service-managed set names the management account, into which StackSets deploy nothing.
    """
    for group in groups:
        _refuse_management(stack_set, group, organization)
    named = dict.fromkeys(place.site for place in targeted_sites(groups, organization))
    accounts = (AccountId(str(site.account)) for site in named)
    left_out = dict.fromkeys(account for account in accounts if _is_out(stack_set, account, organization))
    return TargetSites(
        sites=tuple(site for site in named if site.account not in left_out),
        remarks=tuple(_remarks(left_out, organization)),
    )


def targeted_sites(groups: tuple[Targets, ...], organization: Organization) -> tuple[TargetedSite, ...]:
    """Return every place that the groups include, once for each target, also in accounts that are left out.

    CloudFormation compares these before and after an update: a site that another target includes than before is deleted
    for the old target and created for the new one.
    Source: InstancesAnalyzer and AltStackInstancesCalculator of AWS::CloudFormation::StackSet, in
    https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation
    """
    return tuple(given_overrides(groups, organization))


def given_overrides(
    groups: tuple[Targets, ...], organization: Organization
) -> Mapping[TargetedSite, Mapping[str, str]]:
    """Return by place the overrides that the groups give the stack there."""
    return {
        TargetedSite(unit, Site(account, region)): group.overrides
        for group in groups
        for region in group.regions
        for unit, account in _accounts(group, organization)
    }


def with_departed(organization: Organization, instances: Iterable[StackInstance]) -> Organization:
    """Return the organisation; accounts that have left a unit stay in it as long as they have an instance by it.

    Such instances belong to the target, and are deleted with it.
    """
    members = dict(organization.members)
    for instance in instances:
        account = AccountId(str(instance.site.account))
        if account not in members.get(instance.unit, (account,)):
            members[instance.unit] = (*members[instance.unit], account)
    return replace(organization, members=members)


def _accounts(targets: Targets, organization: Organization) -> Iterator[tuple[str, AccountId]]:
    """Yield the targeted accounts, each with the unit that includes it."""
    below = dict.fromkeys((unit, account) for unit in targets.units for account in organization.members.get(unit, ()))
    match targets.filter:
        case "INTERSECTION":
            yield from ((unit, account) for unit, account in below if account in targets.accounts)
        case "DIFFERENCE":
            yield from ((unit, account) for unit, account in below if account not in targets.accounts)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedSet:
    """A StackSet as AWS has it."""

    body: str
    parameters: Mapping[str, str]
    is_service_managed: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    instances: tuple[StackInstance, ...] = ()
    overrides: tuple[InstanceOverride, ...] = ()
    overrides_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SetContext:
    """All that is known of one set when its plan is made."""

    definition: Definition
    """The desired definition; for a set that is removed, the deployed one."""
    change: ResourceChange | None = None
    """The change of the set as a resource."""
    observed: ObservedSet | None = None
    targets: TargetSites = field(default_factory=lambda: TargetSites(sites=()))
    """Where it is to have stacks."""
    states: Mapping[AccountId, str] = field(default_factory=dict)
    """The state of each account in Organizations, without accounts that are in no unit of the fleet."""
    new_targets: tuple[TargetedSite, ...] = ()
    """Every place that its new targets include, once for each target."""
    old_targets: tuple[TargetedSite, ...] = ()
    """Every place that its old targets included, with which CloudFormation compares the new ones."""
    overrides: Mapping[TargetedSite, Mapping[str, str]] = field(default_factory=dict)
    """The overrides of stacks in the new template."""
    overrides_before: Mapping[TargetedSite, Mapping[str, str]] = field(default_factory=dict)
    """The overrides of stacks in the old template, with which CloudFormation compares the new ones."""

    def skipped(self) -> tuple[Skipped, ...]:
        """Return the instances that StackSets skip, with the reason."""
        return skips(self.observed.instances if self.observed else (), self.states)

    @property
    def region(self) -> Region:
        """The region for which its stacks are compared, the same before and after."""
        return next((region for group in self.definition.targets for region in group.regions), Region(""))


_WHERE = "organization"


async def observe_organization(clients: Clients, region: Region, units: tuple[str, ...]) -> Organization:
    """Return the accounts of these organisational units and all units below them; no call where there are none.

    Organizations answers from one region of each partition, whatever `region` says.
    Raises AwsError where the credentials are neither the management account's nor a delegated administrator's.
    """
    if not units:
        return Organization()
    client = clients.organizations(region)
    described = await call(_WHERE, client.describe_organization)
    listed = await together(_below(client, unit) for unit in units)
    members = {unit: tuple(account["Id"] for account in accounts) for unit, accounts in zip(units, listed, strict=True)}
    states = {account["Id"]: _state(account) for accounts in listed for account in accounts}
    return Organization(
        management=AccountId(described["Organization"]["MasterAccountId"]),
        members={unit: tuple(AccountId(account) for account in accounts) for unit, accounts in members.items()},
        inactive={AccountId(account): state for account, state in states.items() if state != ACTIVE},
    )


async def observe_states(clients: Clients, sets: Iterable[StackSet]) -> Mapping[AccountId, str]:
    """Return the state of every account of the organisation; empty unless a set is service-managed.

    Called if a stack is not as it should be, to know whether it can be repaired. Where Organizations does not answer,
    or refuses these credentials, it is empty; then only the instances decide.
    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
    """
    site = next((stack_set.site for stack_set in sets if stack_set.is_service_managed), None)
    if site is None:
        return {}
    client = clients.of(site).hurried().organizations(site.region)
    try:
        listed = pages(_WHERE, client.list_accounts)
        return {AccountId(account["Id"]): _state(account) async for page in listed for account in page["Accounts"]}
    except AwsError:
        return {}


async def observe_skipped(clients: Clients, stack_set: StackSet, bad: Collection[StackInstance]) -> tuple[Skipped, ...]:
    """Return which of a set's bad instances StackSets skip; read Organizations if there are any."""
    return skips(bad, await observe_states(clients, [stack_set]) if bad else {})


async def _below(client: "OrganizationsClient", parent: str) -> "list[AccountTypeDef]":
    """Return the accounts of a unit and of every unit below it, over all pages."""
    where = f"{_WHERE}: {parent}"
    accounts: list[AccountTypeDef] = []
    async for page in pages(where, client.list_accounts_for_parent, ParentId=parent):
        accounts += page["Accounts"]
    units: list[str] = []
    async for part in pages(where, client.list_organizational_units_for_parent, ParentId=parent):
        units += [unit["Id"] for unit in part["OrganizationalUnits"]]
    for below in await together(_below(client, unit) for unit in units):
        accounts += below
    return accounts


def _state(account: "AccountTypeDef") -> str:
    """Return the account's state: `State` replaces `Status`, which AWS retires."""
    return account.get("State") or account.get("Status") or ACTIVE


R = TypeVar("R")
# The clients of an account take megabytes: only as many exist at a time as the threads can keep busy.
AT_ONCE = 16
AccountWork = Callable[[StackSet, StackInstance, Clients], Coroutine[Any, Any, R]]


async def in_accounts(
    clients: Clients, instances: Iterable[tuple[StackSet, StackInstance]], role: str | None, work: AccountWork[R]
) -> list[R]:
    """Do the work on each instance with clients of its account; return the results, account by account.

    A few accounts are worked on at a time, and their clients are dropped afterwards. `role` is the name of the role to
    assume there; without it, the sets' execution role is assumed. Raises BadInput where the sets have none.
    """
    by_account: dict[AccountId, list[tuple[StackSet, StackInstance]]] = defaultdict(list)
    for stack_set, instance in instances:
        by_account[AccountId(str(instance.site.account))].append((stack_set, instance))
    arns = {account: role_arn(*those[0], role) for account, those in by_account.items()}
    gate = asyncio.Semaphore(AT_ONCE)

    async def in_one(account: AccountId) -> list[R]:
        async with gate:
            reaching = clients.reaching({account: arns[account]})
            return await together(work(stack_set, instance, reaching) for stack_set, instance in by_account[account])

    done = await together(in_one(account) for account in by_account)
    return [result for some in done for result in some]


async def observe_instance_stack(instance: StackInstance, reaching: Clients) -> ObservedStack | None:
    """Return the stack of an instance, read in its own account; None if it has none."""
    if not instance.stack:
        return None
    stack = await observe_stack(reaching, instance.site, instance.stack)
    return stack if stack is not None and stack.facts.exists else None


def role_arn(stack_set: StackSet, instance: StackInstance, role: str | None) -> str:
    """Return the ARN of the role to assume in the instance's account. Raises BadInput where none is known."""
    name = role or stack_set.execution_role
    if not name:
        raise BadInput(
            where="--role",
            what=f"{stack_set.id} is service-managed: it has no execution role that this account may assume",
            next_step="--role OrganizationAccountAccessRole    or another role that trusts this account",
        )
    partition = instance.stack.split(":")[1] if instance.stack else "aws"
    return f"arn:{partition}:iam::{instance.site.account}:role/{name}"
