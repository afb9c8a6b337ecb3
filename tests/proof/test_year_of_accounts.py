"""A year of a fleet's accounts: they join, move, are suspended, closed, leave and come back, and the system goes on.

Each deployment ends in 0, or in the exit code that its plan names: 4 where a guard stops it, and 0 once that is
allowed. Nothing of anybody else's is touched, and after each every account that is open has every stack, as it is now.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from builder.deploy import Deployment
from builder.errors import ExitCode, Stopped
from builder.fleet import FleetEnd, FleetPlan, fleet_exit_code
from fake_aws import Organization, World
from fleet.inventory import BYSTANDER, Inventory, take_inventory
from fleet.rig import BODY, LATER, STORAGE, FleetRig
from fleet.stack_sets import ADMIN, EAST, SERVICE_MANAGED, WEST, fleet_deployment, fleet_template, stack_set

SETS = (STORAGE, "us-east-1/storage")
YEAR_S = 365 * 86_400
# Of a closing account operations fail for some days: of eight accounts that is one in five.
PREFERENCES = {"MaxConcurrentPercentage": 20, "FailureTolerancePercentage": 20}


@dataclass(frozen=True)
class Plan:
    """How much happens in a year."""

    accounts: int
    versions: int
    closed: int
    moved: int
    returned: int
    suspended: int
    joined: int

    def events(self, seed: int) -> list[list[str]]:
        """Return what happens before each version, spread over the first two thirds: it has to come to an end."""
        happen = [
            *("close",) * self.closed,
            *("move",) * self.moved,
            *("leave",) * self.returned,
            *("suspend",) * self.suspended,
            *("join",) * self.joined,
        ]
        Random(seed).shuffle(happen)  # noqa: S311  the same each time
        months = max(1, self.versions * 2 // 3)
        return [happen[place::months] for place in range(months)]


YEAR = Plan(accounts=500, versions=30, closed=12, moved=10, returned=6, suspended=4, joined=20)
WEEKS = Plan(accounts=8, versions=8, closed=1, moved=1, returned=1, suspended=1, joined=2)


@dataclass
class Year:
    """The fleet on its way through the year."""

    plan: Plan
    rig: FleetRig = field(default_factory=lambda: FleetRig(world=World(page_size=100)))
    random: Random = field(default_factory=lambda: Random(7))  # noqa: S311  the same each time
    later: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    """By version what follows from what happened before: an account is closed for good, comes back, is open again."""
    busy: set[str] = field(default_factory=set)
    """Accounts that something has happened to: to each one thing."""
    happened: Counter[str] = field(default_factory=Counter)
    calls: int = 0

    def __post_init__(self) -> None:
        named = [str(700_000_000_000 + number) for number in range(self.plan.accounts)]
        self.organization = self.rig.world.organization = Organization(ADMIN)
        half = len(named) // 2
        self.units = [
            self.organization.unit("first", *named[:half]),
            self.organization.unit("second", *named[half:]),
        ]
        for account in (ADMIN, *named[:: max(1, len(named) // 10)]):
            for region in (EAST, WEST):
                place = self.rig.world.stack("theirs", account=account, region=region)
                place.deploy(BYSTANDER.replace("NAME", "theirs"))
        self.bystanders = self.theirs()
        self.began = self.rig.world.now

    def theirs(self) -> Inventory:
        """Return what stands of nobody's fleet."""
        inventory = take_inventory(self.rig.world).items()
        return {place: stack for place, stack in inventory if "/theirs/" in place.arn}

    def deployment(self, version: int) -> Deployment:
        """Return a version of the system: each says something else, and each fifth keeps its data elsewhere."""
        bodies = {
            STORAGE: BODY.replace("DisplayName: one", f"DisplayName: v{version}"),
            SETS[1]: LATER.replace("}-later'", f"}}-later{version // 5}'"),
        }
        targets = {"OrganizationalUnitIds": self.units}
        return fleet_deployment(fleet_template(bodies, targets, SERVICE_MANAGED, PREFERENCES))

    def live(self) -> None:
        """Live through it, version by version."""
        self.deploy(0)
        happening = iter(self.plan.events(seed=7))
        for version in range(1, self.plan.versions + 1):
            for what, account in self.later.pop(version, []):
                self.follow(what, account, version)
            for what in next(happening, ()):
                self.happen(what, version)
            self.deploy(version)
            self.rig.world.pass_time(YEAR_S / self.plan.versions)

    def happen(self, what: str, version: int) -> None:
        self.happened[what] += 1
        if what == "join":
            self.organization.unit_of[str(800_000_000_000 + self.happened["join"])] = self.random.choice(self.units)
            return
        account = self.random.choice([account for account in self.open_accounts() if account not in self.busy])
        self.busy.add(account)
        match what:
            case "close":
                self.organization.closed[account] = "PENDING_CLOSURE"
                self.later.setdefault(version + 1, []).append(("closed", account))
                self.later.setdefault(version + 2, []).append(("drop", account))
            case "move":
                first, second = self.units
                self.organization.unit_of[account] = second if self.organization.unit_of[account] == first else first
            case "leave":
                self.leave(account)
                self.later.setdefault(version + 2, []).append(("return", account))
            case "suspend":
                self.organization.suspended.add(account)
                self.later.setdefault(version + 2, []).append(("open", account))

    def follow(self, what: str, account: str, version: int) -> None:
        self.happened[what] += 1
        match what:
            case "closed":
                self.organization.closed[account] = "CLOSED"
            case "drop":
                # It is in its unit for ninety days more, and nobody leads a stack there.
                before = self.of(account)
                end = self.rig.drop(account)
                assert fleet_exit_code(end) is ExitCode.DONE, end
                assert self.of(account) == before
                self.later.setdefault(version + 4, []).append(("forget", account))
            case "forget":
                del self.organization.unit_of[account]
            case "return":
                self.organization.unit_of[account] = self.random.choice(self.units)
                self.bring_up(account)
            case "open":
                self.organization.suspended.discard(account)

    def leave(self, account: str) -> None:
        """Have the account leave its organization, as AWS takes it out of the sets then, its stacks retained."""
        unit = self.organization.unit_of[account]
        for stack, region in zip(SETS, (WEST, EAST), strict=True):
            self.rig.clients.cloudformation(WEST).delete_stack_instances(
                StackSetName=stack_set(stack).name,
                DeploymentTargets={
                    "Accounts": [account],
                    "OrganizationalUnitIds": [unit],
                    "AccountFilterType": "INTERSECTION",
                },
                Regions=[region],
                RetainStacks=True,
            )
        self.rig.world.settle()
        del self.organization.unit_of[account]

    def bring_up(self, account: str) -> None:
        """Bring the stacks that stayed in an account to what the sets have by now, as their plan asks for."""
        sets = self.rig.world.region(ADMIN, WEST).cloudformation.stack_sets.values()
        for set_ in sets:
            for region in (WEST, EAST):
                for stack in self.rig.world.region(account, region).cloudformation.stacks.values():
                    if stack.name.startswith(f"StackSet-{set_.name}-") and stack.status != "DELETE_COMPLETE":
                        self.happened["brought up"] += 1
                        client = self.rig.world.session(account).client("cloudformation", region_name=region)
                        self.update(client, stack.name, set_.deployed.body)

    def update(self, client: Any, name: str, body: str) -> None:
        """Update a stack to another template."""
        keep: Any = [{"ParameterKey": "EnvironmentSuffix", "UsePreviousValue": True}]
        arguments = {"StackName": name, "ChangeSetName": "by-hand", "TemplateBody": body, "Parameters": keep}
        made = client.create_change_set(**arguments)
        self.rig.world.settle()
        if client.describe_change_set(ChangeSetName=made["Id"])["Status"] == "CREATE_COMPLETE":
            client.execute_change_set(ChangeSetName=made["Id"])
            self.rig.world.settle()

    def deploy(self, version: int) -> None:
        """Plan and execute a version; it ends as its plan says."""
        self.rig.world.calls.clear()
        self.rig.events.clear()
        plan = self.rig.plan(self.deployment(version), role="OrganizationAccountAccessRole")
        named = ExitCode.STOPPED if plan.ordinary.guards else ExitCode.DONE
        if named is ExitCode.STOPPED:
            with pytest.raises(Stopped) as stopped:
                self.rig.execute(plan)
            assert stopped.value.exit_code is named
        end = self.rig.execute(plan, [hit.allow for hit in plan.ordinary.guards])
        assert fleet_exit_code(end) is ExitCode.DONE, (version, plan.sets, end)
        self.calls += len(self.rig.world.calls)
        self.happened[f"ended in {int(named)}"] += 1
        self.hold(plan, end)

    def hold(self, plan: FleetPlan, end: FleetEnd) -> None:
        """Hold that every account that is open has every stack, current, and nothing more is planned for it."""
        opened = self.open_accounts()
        for stack in SETS:
            listed = {str(instance.site.account): instance for instance in self.rig.instances(stack)}
            lacking = [account for account in opened if account not in listed or listed[account].status != "CURRENT"]
            assert not lacking, (stack, plan.ordinary.id, lacking, end)
        assert self.rig.plan().is_empty

    def open_accounts(self) -> list[str]:
        """Return the accounts that stacks can be put into."""
        here = self.organization.accounts_under(self.units[0]) | self.organization.accounts_under(self.units[1])
        return sorted(account for account in here if self.organization.state(account) == "ACTIVE")

    def of(self, account: str) -> Inventory:
        return take_inventory(self.rig.world, account)

    def lines(self) -> Iterator[str]:
        """Yield what it came to."""
        hours = (self.rig.world.now - self.began - YEAR_S) / 3600
        yield ", ".join(f"{count} {what}" for what, count in self.happened.items())
        yield f"{self.calls} calls; {hours:.1f} hours of virtual time at work, beside the year itself"


def live(plan: Plan) -> Year:
    year = Year(plan)
    year.live()
    assert year.theirs() == year.bystanders
    for line in year.lines():
        print(line)
    return year


def test_some_weeks_of_some_accounts_end_as_their_plans_say() -> None:
    year = live(WEEKS)
    assert not year.later
    assert (year.happened["drop"], year.happened["return"], year.happened["open"], year.happened["forget"]) == (
        1,
        1,
        1,
        1,
    )


@pytest.mark.acceptance
def test_a_year_of_five_hundred_accounts_ends_as_its_plans_say() -> None:
    year = live(YEAR)
    counts = [year.happened[what] for what in ("close", "move", "leave", "suspend", "join", "drop", "return", "open")]
    assert counts == [12, 10, 6, 4, 20, 12, 6, 4]
