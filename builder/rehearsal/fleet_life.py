"""The life of a fleet: accounts get the system, one more joins, one fails and is repaired, and all are left."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

from builder.assembly import Assembly
from builder.assembly.components import Component, Components, OutputOf, one_of_each, stacks_of_functions
from builder.assembly.manifest import SUFFIX, VERSION, Manifest, StackEntry
from builder.assembly.render import make_assembly, make_fleet_assembly
from builder.assembly.store import EXECUTION_ROLE
from builder.aws import Clients, Tempo
from builder.components.fleet.options import FleetConfig, OperationsConfig
from builder.config import LoadedConfig
from builder.deploy import (
    Deployment,
    PlanOptions,
    Removal,
    StackContents,
    TrustedInput,
    delete_deployment,
    execute_plan,
    find_deployed,
    make_deployment,
    make_needs,
    make_plan,
)
from builder.errors import BadInput, ExitCode, Failed
from builder.fleet import (
    FleetEnd,
    FleetPlan,
    FleetRemoval,
    RowFilter,
    delete_fleet,
    execute_fleet,
    fleet_exit_code,
    make_fleet_plan,
    observe_fleet_outputs,
    observe_sets,
    observe_status,
    unrolled_stacks,
)
from builder.fleet.progress import SetFailed
from builder.local import EmbeddedAws
from builder.rehearsal.stage import (
    ACCOUNT,
    Chapter,
    Line,
    Stage,
    expect_done,
    isolated,
    render_and_lint,
    signs_requests,
    with_variable,
)
from builder.rehearsal.use import UseContext, Visitor, copy_objects, exercise_function
from builder.report.fleet_plan import fleet_plan_text
from builder.terms import AccountId, Region, StackId

# The name of the role that Organizations makes in every account that it creates.
EMPTIER = "OrganizationAccountAccessRole"
_EMPTIER_FILE = "emptier.yaml"
_EMPTIER_TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": EMPTIER,
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"],
            },
        }
    }
}


@dataclass(frozen=True, slots=True)
class TargetAccount:
    """One account of a fleet on the embedded AWS."""

    stage: Stage
    fleet: Assembly
    suffix: str
    endpoint: str
    account: AccountId
    region: Region
    """Where the stacks of its roles are."""

    def clients(self) -> Clients:
        """Return clients of the account's own identity."""
        with isolated(self.endpoint, self.account, self.region):
            clients = Clients.of_profile(None, tempo=Tempo.quick())
            # Read here, where they are the account's; botocore keeps them.
            clients.credentials()
        return clients

    def let_in(self) -> None:
        """Deploy the execution role, and a role that may empty buckets. Raises Failed."""
        clients = self.clients()
        plan = self.stage.run(make_plan(self._deployment, clients, self.stage.plan_id(), lambda _: None))
        expect_done(
            self.stage.run(
                execute_plan(plan, TrustedInput(deployment=self._deployment, is_own=True), clients, lambda _: None)
            )
        )

    def shut_out(self) -> None:
        """Delete the roles again. Raises Failed."""
        clients, deployment = self.clients(), self._deployment
        stacks = self.stage.run(find_deployed(deployment.name, deployment.sites, clients))
        removal = Removal(stacks=stacks, needs={})
        work = partial(delete_deployment, removal, clients, self.stage.plan_id().id)
        expect_done(self.stage.run(work(lambda _: None)))

    @property
    def _deployment(self) -> Deployment:
        templates = {
            EXECUTION_ROLE: self.fleet.beside[EXECUTION_ROLE],
            _EMPTIER_FILE: json.dumps(_EMPTIER_TEMPLATE, indent=2).encode(),
        }
        given = {
            EXECUTION_ROLE: {"EnvironmentSuffix": SUFFIX, "AdministratorAccountId": str(ACCOUNT)},
            _EMPTIER_FILE: dict[str, str](),
        }
        entries = tuple(self._entry(file, data, given[file]) for file, data in templates.items())
        manifest = Manifest(version=VERSION, project=f"{self.fleet.manifest.project}-access", stacks=entries)
        return make_deployment(manifest, templates, self.suffix)

    def _entry(self, file: str, template: bytes, parameters: dict[str, str]) -> StackEntry:
        kind = file.removesuffix(".yaml")
        return StackEntry(
            id=StackId(f"{self.region}/{kind}"),
            region=self.region,
            name=f"{self.fleet.manifest.project}-{SUFFIX}-{kind}",
            template=file,
            sha256=hashlib.sha256(template).hexdigest(),
            parameters=parameters,
            capabilities=("CAPABILITY_NAMED_IAM",),
        )


TARGETS = tuple(AccountId(digit * 12) for digit in "234")
JOINS = AccountId("5" * 12)


@dataclass(frozen=True, slots=True)
class _Life:
    stage: Stage
    suffix: str
    endpoint: str
    clients: Clients
    """Of the account that the sets are in."""
    loaded: LoadedConfig
    accounts: tuple[AccountId, ...]
    fleet: Assembly
    """Rendered of the two above, once."""

    @property
    def deployment(self) -> Deployment:
        return make_deployment(self.fleet.manifest, self.fleet.templates, self.suffix)

    def target(self, account: AccountId) -> TargetAccount:
        region = self.loaded.config.admin_region
        return TargetAccount(self.stage, self.fleet, self.suffix, self.endpoint, account, region)

    def changed(self, loaded: LoadedConfig, accounts: tuple[AccountId, ...]) -> "_Life":
        return replace(self, loaded=loaded, accounts=accounts, fleet=render_fleet(loaded, accounts))

    def with_variable(self, name: str) -> "_Life":
        return self.changed(with_variable(self.loaded, name, "yes"), self.accounts)


def rehearse_fleet(loaded: LoadedConfig, suffix: str, stage: Stage) -> None:
    """Live through it on an embedded AWS that ends with this call; the caller's AWS settings are put away.

    Roles and operations are those of dr.yaml's fleet; the accounts are the rehearsal's own.
    Raises Failed at the first thing that does not go as it should.
    """
    config = loaded.config
    if config.function is None or config.table is None:
        raise BadInput(
            where="rehearse --fleet",
            what="changes and calls the built-in function with its table, and dr.yaml asks for none",
            next_step="python -m builder rehearse    lives the system's own life, stacks of yours included",
        )
    loaded = with_accounts(loaded, TARGETS)
    if assets := render_and_lint(loaded, stage.tell).assets:
        raise BadInput(
            where="rehearse --fleet",
            what=f"the accounts take {assets[0].source} from the administering account's bucket, and in the embedded "
            "AWS none reads from another's",
            next_step="python -m builder rehearse    lives the system's own life, in one account",
        )
    stage.tell(Chapter("an AWS of our own"))
    with EmbeddedAws() as aws, isolated(aws.endpoint, ACCOUNT, loaded.config.admin_region):
        stage.tell(Line(f"listens at {aws.endpoint}, administration account {ACCOUNT}; nothing else is reached"))
        live(loaded, suffix, stage, aws.endpoint)


def live(loaded: LoadedConfig, suffix: str, stage: Stage, endpoint: str) -> None:
    """Live the life of a fleet, and leave all its accounts as they were. Raises Failed."""
    clients, fleet = Clients.of_profile(None, tempo=Tempo.quick()), render_fleet(loaded, TARGETS)
    life = _Life(stage, suffix, endpoint, clients, loaded, TARGETS, fleet)
    _let_in(life, TARGETS)
    _first_deployment(life)
    _use(life, TARGETS[0])
    life = _update(life)
    life = _join(life)
    life = _fail_and_repair(life, TARGETS[1])
    _end(life)


def with_accounts(loaded: LoadedConfig, accounts: tuple[AccountId, ...]) -> LoadedConfig:
    """Return the system for a self-managed fleet in these accounts, one of which may fail."""
    written = loaded.config.fleet or FleetConfig(permission_model="self-managed")
    fleet = FleetConfig(
        permission_model="self-managed",
        accounts=accounts,
        operations=OperationsConfig(failure_tolerance=1, max_concurrent=2),
        admin_region=written.admin_region,
        administration_role=written.administration_role,
        execution_role=written.execution_role,
    )
    return replace(loaded, config=loaded.config.model_copy(update={"fleet": fleet}))


def render_fleet(loaded: LoadedConfig, accounts: tuple[AccountId, ...]) -> Assembly:
    """Return the fleet's assembly of the system in these accounts."""
    fleet = make_fleet_assembly(with_accounts(loaded, accounts))
    assert fleet is not None, "with accounts there is one"  # noqa: S101 - see with_accounts
    return fleet


def _plan(life: _Life) -> FleetPlan:
    plan = life.stage.watch(partial(make_fleet_plan, life.deployment, life.clients, life.stage.plan_id()))
    for line in fleet_plan_text(plan).plain.splitlines():
        life.stage.tell(Line(line))
    return plan


def _execute(life: _Life, plan: FleetPlan) -> FleetEnd:
    trusted = TrustedInput(deployment=life.deployment, options=PlanOptions(unrolled=unrolled_stacks(life.deployment)))
    return life.stage.watch(partial(execute_fleet, plan, trusted, life.clients))


def _expect_well(end: FleetEnd) -> None:
    expect_done(end.ordinary)
    if fleet_exit_code(end) is not ExitCode.DONE:
        raise Failed(where="rehearsal", what="\n  ".join(map(str, end.sets)))


def _let_in(life: _Life, accounts: Iterable[AccountId]) -> None:
    life.stage.tell(Chapter("roles for StackSets in each account"))
    for account in accounts:
        life.target(account).let_in()
        life.stage.tell(Line(f"account {account}: the execution role stands, and trusts {ACCOUNT}"))


def _first_deployment(life: _Life) -> None:
    life.stage.tell(Chapter("plan"))
    plan = _plan(life)
    life.stage.tell(Chapter("execute"))
    _expect_well(_execute(life, plan))


def _use(life: _Life, account: AccountId) -> None:
    life.stage.tell(Chapter(f"use, in account {account}"))
    parts, known = _outputs(life, account)
    visitor = Visitor(life.endpoint, account, signs=signs_requests(life.loaded.config))
    use = UseContext(visitor=visitor, clients=life.target(account).clients(), tell=life.stage.tell)
    table = life.loaded.config.table
    if parts.function and (table is None or table.has_handlers_key):
        urls = {region: known[output] for region, output in parts.function.url.items()}
        life.stage.run(exercise_function(urls, use))
    if parts.bucket:
        life.stage.run(copy_objects("bucket", parts.bucket, known, use))


def _outputs(life: _Life, account: AccountId) -> tuple[Component, dict[OutputOf, str]]:
    """Return what the system has in an account, and each output that it is bound to."""
    sets = life.stage.run(observe_sets(_observe_stacks(life), life.clients))
    observed = life.stage.run(observe_fleet_outputs(sets, life.clients, RowFilter(accounts=(account,)), None))
    outputs = {stack_outputs.stack: stack_outputs.outputs for stack_outputs in observed.stacks}
    parts = one_of_each(_components(life), life.suffix)
    return parts, {of: str(outputs[of.output[0]][of.output[1]]) for of in parts.outputs.values()}


def _components(life: _Life) -> Components:
    """Return what the system has in every account; a fleet's own assembly, which brings it there, has none of it."""
    return make_assembly(life.loaded).manifest.components


def _update(life: _Life) -> _Life:
    life.stage.tell(Chapter("update: one more variable in the functions' environment, in all accounts"))
    changed = life.with_variable("REHEARSED")
    plan = _plan(changed)
    if not {set_.id for set_ in plan.sets if set_.touched} <= set(stacks_of_functions(_components(changed))):
        raise Failed(where="plan", what="the update touches other stacks than the functions'")
    _expect_well(_execute(changed, plan))
    return changed


def _join(life: _Life) -> _Life:
    joined = life.changed(life.loaded, (*life.accounts, JOINS))
    _let_in(joined, [JOINS])
    life.stage.tell(Chapter(f"account {JOINS} joins"))
    plan = _plan(joined)
    if {site.account for set_ in plan.sets for site in set_.joining} != {JOINS}:
        raise Failed(where="plan", what=f"others than {JOINS} join")
    _expect_well(_execute(joined, plan))
    return joined


def _fail_and_repair(life: _Life, account: AccountId) -> _Life:
    """Take the execution role from an account, change all, and see that it alone fails and is alone repaired."""
    life = life.with_variable("AND_AGAIN")
    tell, target = life.stage.tell, life.target(account)
    tell(Chapter(f"account {account} fails on purpose: its execution role is gone, and all are updated"))
    target.shut_out()
    end = _execute(life, _plan(life))
    failures = {set_.stack: set_.failures for set_ in end.sets if isinstance(set_, SetFailed)}
    for stack, failed in failures.items():
        for failure in failed:
            tell(Line(f"{stack}, account {failure.site.account}: {failure.reason}"))
    expect_done(end.ordinary)  # within the tolerance the stack that holds the sets ends well
    if {failure.site.account for failed in failures.values() for failure in failed} != {account}:
        raise Failed(where="execute", what=f"others than {account} failed, or nobody did")
    _tell_status(life, wrong=len(failures))
    tell(Chapter("its role is there again, and the same command repairs it alone"))
    target.let_in()
    plan = _plan(life)
    if {site.account for set_ in plan.sets for site in set_.touched} != {account}:
        raise Failed(where="plan", what=f"others than {account} would be touched")
    _expect_well(_execute(life, plan))
    _tell_status(life, wrong=0)
    return life


def _tell_status(life: _Life, wrong: int) -> None:
    sets = life.stage.run(observe_sets(_observe_stacks(life), life.clients))
    rows = life.stage.run(observe_status(sets, life.clients))
    ill = [row for row in rows if not row.is_well]
    life.stage.tell(Line(f"{len(rows)} stacks in all accounts, {len(ill)} not as they should be"))
    if len(ill) != wrong:
        raise Failed(where="status", what=f"{len(ill)} stacks are not as they should be instead of {wrong}")


def _end(life: _Life) -> None:
    tell = life.stage.tell
    tell(Chapter("destroy, in all accounts"))
    stacks = _observe_stacks(life)
    needs = make_needs(stacks, {stack.id: stack.needs for stack in life.deployment.stacks})
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs=needs), role=EMPTIER)
    end = life.stage.watch(partial(delete_fleet, removal, life.clients, life.stage.plan_id().id))
    _expect_well(end)
    if left := _observe_stacks(life):
        raise Failed(where="destroy", what=f"left standing: {', '.join(contents.id for contents in left)}")
    for account in life.accounts:
        life.target(account).shut_out()
    tell(Line(f"{len(end.sets)} sets and their stacks are gone, and the roles with them"))


def _observe_stacks(life: _Life) -> tuple[StackContents, ...]:
    name, sites = life.deployment.name, life.deployment.sites
    stacks: tuple[StackContents, ...] = life.stage.run(find_deployed(name, sites, life.clients))
    return stacks
