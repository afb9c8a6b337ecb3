"""The life of a fleet: three accounts get the system, one more joins, one fails and is repaired, all are left."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from builder.assembly import Assembly
from builder.assembly.fleet import make_fleet
from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.config import Wanted
from builder.config.fleet import FleetConfig, OperationsConfig
from builder.deploy import Deployment, Removal, Standing, find_standing, make_deployment
from builder.errors import ExitCode, Failed
from builder.fleet import (
    Choice,
    FleetEnd,
    FleetPlan,
    FleetRemoval,
    destroy_fleet,
    execute_fleet,
    fleet_exit_code,
    make_fleet_plan,
    observe_fleet_outputs,
    observe_sets,
    observe_status,
)
from builder.fleet.outcome import SetFailed
from builder.local import EmbeddedAws
from builder.rehearsal.exercise import Place, exercise
from builder.rehearsal.isolation import isolated
from builder.rehearsal.records import Chapter, Line
from builder.rehearsal.stage import ACCOUNT, Stage, expect_done, render_and_lint, with_variable
from builder.rehearsal.target_account import EMPTIER, TargetAccount
from builder.rehearsal.visit import Visitor
from builder.report.fleet import fleet_plan
from builder.terms import AccountId, StackId
from builder.topology import make_topology

TARGETS = tuple(AccountId(digit * 12) for digit in "234")
JOINS = AccountId("5" * 12)


@dataclass(frozen=True, slots=True)
class _Life:
    stage: Stage
    suffix: str
    endpoint: str
    clients: Clients
    """Of the account that the sets are in."""

    def target(self, wanted: Wanted, account: AccountId) -> TargetAccount:
        return TargetAccount(
            self.stage, _fleet(wanted), self.suffix, self.endpoint, account, wanted.config.admin_region
        )


def rehearse_fleet(wanted: Wanted, suffix: str, stage: Stage) -> None:
    """Live through it on an embedded AWS that ends with this call; the caller's AWS settings are put away.

    What dr.yaml says of a fleet's roles and operations holds; the accounts are the rehearsal's own.
    Raises Failed at the first thing that does not go as it should.
    """
    wanted = with_accounts(wanted, TARGETS)
    render_and_lint(wanted, stage.tell)
    stage.tell(Chapter("an AWS of our own"))
    with EmbeddedAws() as aws, isolated(aws.endpoint, ACCOUNT, wanted.config.admin_region):
        stage.tell(Line(f"listens at {aws.endpoint}, administration account {ACCOUNT}; nothing else is reached"))
        live(wanted, suffix, stage, aws.endpoint)


def live(wanted: Wanted, suffix: str, stage: Stage, endpoint: str) -> None:
    """Live the life of a fleet for the accounts of `wanted`, and leave all of them as they were. Raises Failed."""
    life = _Life(stage, suffix, endpoint, Clients.of_profile(None))
    accounts = wanted.config.fleet.accounts if wanted.config.fleet else ()
    _let_in(life, wanted, accounts)
    _first_deployment(life, wanted)
    _use(life, wanted, accounts[0])
    wanted = _update(life, wanted)
    wanted = _join(life, wanted)
    _fail_and_repair(life, with_variable(wanted, "AND_AGAIN", "yes"), accounts[1])
    _end(life, wanted)


def with_accounts(wanted: Wanted, accounts: tuple[AccountId, ...]) -> Wanted:
    """Return the system for a self-managed fleet in these accounts, one of which may fail."""
    said = wanted.config.fleet or FleetConfig(permission_model="self-managed")
    fleet = FleetConfig(
        permission_model="self-managed",
        accounts=accounts,
        operations=OperationsConfig(failure_tolerance=1, max_concurrent=2),
        admin_region=said.admin_region,
        administration_role=said.administration_role,
        execution_role=said.execution_role,
    )
    return replace(wanted, config=wanted.config.model_copy(update={"fleet": fleet}))


def _fleet(wanted: Wanted) -> Assembly:
    config = wanted.config
    assert config.fleet is not None, "the rehearsal made one"  # noqa: S101 - see with_accounts
    return make_fleet(config, config.fleet, make_topology(config), make_assembly(wanted))


def _plan(life: _Life, wanted: Wanted) -> FleetPlan:
    deployment = _deployment(life, wanted)
    plan = life.stage.watch(partial(make_fleet_plan, deployment, life.clients, life.stage.seal()))
    for line in fleet_plan(plan).plain.splitlines():
        life.stage.tell(Line(line))
    return plan


def _execute(life: _Life, plan: FleetPlan) -> FleetEnd:
    return life.stage.watch(partial(execute_fleet, plan, life.clients))


def _expect_well(end: FleetEnd) -> None:
    expect_done(end.ordinary)
    if fleet_exit_code(end) is not ExitCode.DONE:
        raise Failed(where="rehearsal", what="\n  ".join(map(str, end.sets)))


def _let_in(life: _Life, wanted: Wanted, accounts: Iterable[AccountId]) -> None:
    life.stage.tell(Chapter("roles for StackSets in each account"))
    for account in accounts:
        life.target(wanted, account).let_in()
        life.stage.tell(Line(f"account {account}: the execution role stands, and trusts {ACCOUNT}"))


def _first_deployment(life: _Life, wanted: Wanted) -> None:
    life.stage.tell(Chapter("plan"))
    plan = _plan(life, wanted)
    life.stage.tell(Chapter("execute"))
    _expect_well(_execute(life, plan))


def _use(life: _Life, wanted: Wanted, account: AccountId) -> None:
    life.stage.tell(Chapter(f"use, in account {account}"))
    regions = wanted.config.regions
    places = _places(life, wanted, account)
    visitor = Visitor(life.endpoint, account, signs=wanted.config.function.url_auth == "AWS_IAM")
    clients = life.target(wanted, account).clients()
    primary, secondary = places[regions.primary], places[regions.secondaries[0]]
    life.stage.run(exercise(primary, secondary, visitor, clients, life.stage.tell))


def _places(life: _Life, wanted: Wanted, account: AccountId) -> dict[str, Place]:
    sets = life.stage.run(observe_sets(_standing(life, wanted), life.clients))
    found = life.stage.run(observe_fleet_outputs(sets, life.clients, Choice(accounts=(account,)), None))
    outputs = {one.stack: one.outputs for one in found.stacks}
    return {
        region: Place(
            region,
            outputs[StackId(f"{region}/service")]["FunctionUrl"],
            outputs[StackId(f"{region}/storage")]["BucketName"],
        )
        for region in wanted.config.regions.all
    }


def _update(life: _Life, wanted: Wanted) -> Wanted:
    life.stage.tell(Chapter("update: one more variable in the functions' environment, in all accounts"))
    changed = with_variable(wanted, "REHEARSED", "yes")
    plan = _plan(life, changed)
    if any(one.touched and not one.id.endswith("/service") for one in plan.sets):
        raise Failed(where="plan", what="the update touches other stacks than the services")
    _expect_well(_execute(life, plan))
    return changed


def _join(life: _Life, wanted: Wanted) -> Wanted:
    fleet = wanted.config.fleet
    assert fleet is not None, "the rehearsal made one"  # noqa: S101 - see with_accounts
    joined = with_accounts(wanted, (*fleet.accounts, JOINS))
    _let_in(life, joined, [JOINS])
    life.stage.tell(Chapter(f"account {JOINS} joins"))
    plan = _plan(life, joined)
    if {site.account for one in plan.sets for site in one.joining} != {JOINS}:
        raise Failed(where="plan", what=f"others than {JOINS} join")
    _expect_well(_execute(life, plan))
    return joined


def _fail_and_repair(life: _Life, wanted: Wanted, account: AccountId) -> None:
    """Take the execution role from an account, change all, and see that it alone fails and is alone repaired."""
    tell, target = life.stage.tell, life.target(wanted, account)
    tell(Chapter(f"account {account} fails on purpose: its execution role is gone, and all are updated"))
    target.shut_out()
    end = _execute(life, _plan(life, wanted))
    failures = {one.stack: one.failures for one in end.sets if isinstance(one, SetFailed)}
    for stack, failed in failures.items():
        for one in failed:
            tell(Line(f"{stack}, account {one.site.account}: {one.reason}"))
    expect_done(end.ordinary)  # within the tolerance the stack that holds the sets ends well
    if {one.site.account for failed in failures.values() for one in failed} != {account}:
        raise Failed(where="execute", what=f"others than {account} failed, or nobody did")
    _tell_status(life, wanted, wrong=len(failures))
    tell(Chapter("its role is there again, and the same command repairs it alone"))
    target.let_in()
    plan = _plan(life, wanted)
    if {site.account for one in plan.sets for site in one.touched} != {account}:
        raise Failed(where="plan", what=f"others than {account} would be touched")
    _expect_well(_execute(life, plan))
    _tell_status(life, wanted, wrong=0)


def _tell_status(life: _Life, wanted: Wanted, wrong: int) -> None:
    sets = life.stage.run(observe_sets(_standing(life, wanted), life.clients))
    rows = life.stage.run(observe_status(sets, life.clients))
    ill = [row for row in rows if not row.is_well]
    life.stage.tell(Line(f"{len(rows)} stacks in all accounts, {len(ill)} not as they should be"))
    if len(ill) != wrong:
        raise Failed(where="status", what=f"{len(ill)} stacks are not as they should be instead of {wrong}")


def _end(life: _Life, wanted: Wanted) -> None:
    tell = life.stage.tell
    tell(Chapter("destroy, in all accounts"))
    standing = _standing(life, wanted)
    needs = {stack.id: stack.needs for stack in _deployment(life, wanted).stacks}
    removal = FleetRemoval(removal=Removal(standing=standing, needs=needs), role=EMPTIER)
    end = life.stage.watch(partial(destroy_fleet, removal, life.clients, life.stage.seal().id))
    _expect_well(end)
    if left := _standing(life, wanted):
        raise Failed(where="destroy", what=f"left standing: {', '.join(one.id for one in left)}")
    fleet = wanted.config.fleet
    for account in fleet.accounts if fleet else ():
        life.target(wanted, account).shut_out()
    tell(Line(f"{len(end.sets)} sets and their stacks are gone, and the roles with them"))


def _deployment(life: _Life, wanted: Wanted) -> Deployment:
    fleet = _fleet(wanted)
    return make_deployment(fleet.manifest, fleet.templates, life.suffix)


def _standing(life: _Life, wanted: Wanted) -> tuple[Standing, ...]:
    deployment = _deployment(life, wanted)
    found: tuple[Standing, ...] = life.stage.run(find_standing(deployment.name, deployment.sites, life.clients))
    return found
