"""Which accounts a set's targets come to, and who of them is left out; pure.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeploymentTargets.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-associate-stackset-with-org.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from builder.errors import BadInput
from builder.fleet.records import StackSet, Targets
from builder.terms import AccountId, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """As much of an organisation as a plan asks about."""

    management: AccountId | None = None
    members: Mapping[str, tuple[AccountId, ...]] = field(default_factory=dict)
    """By organisational unit or root, the accounts in it and in every unit below it."""
    inactive: Mapping[AccountId, str] = field(default_factory=dict)
    """Accounts that no stack can be put into, with the state that says so, such as SUSPENDED."""


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
    sites: dict[Site, None] = {}
    left_out: dict[AccountId, None] = {}
    for one in groups:
        _refuse_management(stack_set, one, organization)
        accounts = _accounts(one, organization)
        left_out.update(dict.fromkeys(account for account in accounts if _is_out(stack_set, account, organization)))
        sites.update(
            (Site(account, region), None) for region in one.regions for account in accounts if account not in left_out
        )
    return Aim(sites=tuple(sites), remarks=tuple(_remarks(left_out, organization)))


def _accounts(targets: Targets, organization: Organization) -> tuple[AccountId, ...]:
    named = dict.fromkeys(targets.accounts)
    if not targets.units:
        return tuple(named)
    below = dict.fromkeys(account for unit in targets.units for account in organization.members.get(unit, ()))
    match targets.filter:
        case "INTERSECTION":
            return tuple(account for account in below if account in named)
        case "DIFFERENCE":
            return tuple(account for account in below if account not in named)
        case "UNION":
            return tuple(below | named)
        case "NONE":
            return tuple(below)


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
