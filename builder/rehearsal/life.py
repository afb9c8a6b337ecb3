"""A whole life: rendered, linted, planned, executed, used, left alone, updated, destroyed.

What is built in is used and updated; stacks of one's own are deployed, left alone and destroyed.
"""

from dataclasses import dataclass
from functools import partial

from builder import deploy
from builder.assembly.components import stacks_of_functions
from builder.assembly.render import make_assembly
from builder.aws import Clients, Tempo
from builder.config import Wanted
from builder.errors import Failed
from builder.local import EmbeddedAws
from builder.rehearsal.stage import (
    ACCOUNT,
    Chapter,
    Line,
    RegionOutputs,
    Stage,
    Visitor,
    exercise,
    expect_done,
    isolated,
    render_and_lint,
    signs_requests,
    with_variable,
)


@dataclass(frozen=True, slots=True)
class _Life:
    stage: Stage
    wanted: Wanted
    suffix: str
    clients: Clients
    visitor: Visitor

    @property
    def is_used(self) -> bool:
        """Whether the built-in table, bucket and function are all there, which requests are tried on."""
        config = self.wanted.config
        return all(section is not None for section in (config.table, config.bucket, config.function))

    def deployment(self, wanted: Wanted) -> deploy.Deployment:
        assembly = make_assembly(wanted)
        return deploy.make_deployment(assembly.manifest, assembly.templates, self.suffix)


def rehearse_system(wanted: Wanted, suffix: str, stage: Stage) -> None:
    """Live through it all on an embedded AWS that ends with this call; the caller's AWS settings are put away.

    Raises Failed at the first thing that does not go as it should.
    """
    render_and_lint(wanted, stage.tell)
    stage.tell(Chapter("an AWS of our own"))
    with EmbeddedAws() as aws, isolated(aws.endpoint, ACCOUNT, wanted.config.regions.primary):
        stage.tell(Line(f"listens at {aws.endpoint}, account {ACCOUNT}; nothing else is reached"))
        visitor = Visitor(aws.endpoint, ACCOUNT, signs=signs_requests(wanted.config))
        life = _Life(stage, wanted, suffix, Clients.of_profile(None, tempo=Tempo.quick()), visitor)
        _first_deployment(life)
        _use(life)
        _nothing_to_do(life)
        _update(life)
        _end(life)


def _first_deployment(life: _Life) -> None:
    tell = life.stage.tell
    tell(Chapter("plan"))
    deployment = life.deployment(life.wanted)
    plan = _plan(life, deployment)
    if len(plan.steps) != len(deployment.stacks):
        raise Failed(where="plan", what=f"{len(plan.steps)} change sets for {len(deployment.stacks)} stacks")
    tell(Line(f"{len(plan.steps)} change sets stand in review, and no stack exists yet"))
    tell(Chapter("execute"))
    expect_done(
        life.stage.watch(partial(deploy.execute_plan, plan, deploy.TrustedInput(deployment=deployment), life.clients))
    )
    for name, value in _outputs(life).items():
        tell(Line(f"{name} = {value}"))


def _use(life: _Life) -> None:
    life.stage.tell(Chapter("use"))
    if not life.is_used:
        life.stage.tell(Line("not tried: that takes the built-in table, bucket and function"))
        return
    system = life.stage.run(deploy.observe_system(life.deployment(life.wanted), life.clients))
    regions = (system.primary, *system.secondaries)
    places = tuple(RegionOutputs(region, system.endpoints[region].url, system.buckets[region]) for region in regions)
    life.stage.run(exercise(places, life.visitor, life.clients, life.stage.tell))


def _nothing_to_do(life: _Life) -> None:
    life.stage.tell(Chapter("plan again, nothing changed"))
    plan = _plan(life, life.deployment(life.wanted))
    if plan.steps:
        raise Failed(where="plan", what=f"change sets were made for {', '.join(step.stack for step in plan.steps)}")
    life.stage.tell(Line(f"no change set was made; {len(plan.unchanged)} stacks are as they should be"))


def _update(life: _Life) -> None:
    tell = life.stage.tell
    if life.wanted.config.function is None:
        return
    tell(Chapter("update: one more variable in the functions' environment"))
    changed = with_variable(life.wanted, "REHEARSED", "yes")
    deployment = life.deployment(changed)
    plan = _plan(life, deployment)
    for step in plan.steps:
        touched = ", ".join(f"{change.action} {change.logical_id}" for change in step.changes)
        tell(Line(f"{step.stack}: {touched}"))
    built_in = {name: part for name, part in deployment.components.items() if name == "function"}
    if {step.stack for step in plan.steps} != set(stacks_of_functions(built_in)):
        raise Failed(where="plan", what="the update touches other stacks than the functions', or not all of these")
    expect_done(
        life.stage.watch(partial(deploy.execute_plan, plan, deploy.TrustedInput(deployment=deployment), life.clients))
    )


def _end(life: _Life) -> None:
    tell = life.stage.tell
    tell(Chapter("destroy, buckets and table full" if life.is_used else "destroy"))
    deployment = life.deployment(life.wanted)
    standing = life.stage.run(deploy.find_deployed(deployment.name, deployment.sites, life.clients))
    removal = deploy.Removal(standing=standing, needs={stack.id: stack.needs for stack in deployment.stacks})
    expect_done(life.stage.watch(partial(deploy.delete_deployment, removal, life.clients, life.stage.plan_id().id)))
    left = life.stage.run(deploy.find_deployed(deployment.name, deployment.sites, life.clients))
    if left:
        raise Failed(where="destroy", what=f"left standing: {', '.join(one.id for one in left)}")
    tell(Line(f"{len(standing)} stacks are gone, nothing is left"))


def _plan(life: _Life, deployment: deploy.Deployment) -> deploy.Plan:
    return life.stage.watch(partial(deploy.make_plan, deployment, life.clients, life.stage.plan_id()))


def _outputs(life: _Life) -> dict[str, str]:
    return dict(life.stage.run(deploy.observe_outputs(life.deployment(life.wanted), life.clients)))
