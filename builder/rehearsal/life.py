"""A whole life: rendered, linted, planned, executed, used, left alone, updated, destroyed."""

import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from builder.assembly import Assembly, write_assembly
from builder.assembly.lint import lint_assembly
from builder.assembly.render import make_assembly
from builder.aws import Clients
from builder.config import Wanted
from builder.deploy import (
    Deployment,
    Done,
    Emit,
    Outcome,
    Plan,
    Removal,
    Seal,
    destroy,
    execute_plan,
    find_standing,
    make_deployment,
    make_plan,
    observe_outputs,
)
from builder.errors import Failed
from builder.local import EmbeddedAws
from builder.rehearsal.exercise import Place, exercise
from builder.rehearsal.isolation import isolated
from builder.rehearsal.records import Chapter, Line, Tell
from builder.rehearsal.visit import Visitor
from builder.terms import AccountId

T = TypeVar("T")
ACCOUNT = AccountId("123456789012")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a rehearsal is given from outside: where to tell, how to run, how plans are told apart."""

    tell: Tell
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    progress: Callable[[], AbstractContextManager[Emit]]
    seal: Callable[[], Seal]

    def watch(self, work: Callable[[Emit], Coroutine[Any, Any, T]]) -> T:
        """Run long work, its progress shown."""
        with self.progress() as emit:
            result: T = self.run(work(emit))
            return result


@dataclass(frozen=True, slots=True)
class _Life:
    stage: Stage
    wanted: Wanted
    suffix: str
    clients: Clients
    visitor: Visitor

    def deployment(self, wanted: Wanted) -> Deployment:
        assembly = make_assembly(wanted)
        return make_deployment(assembly.manifest, assembly.templates, self.suffix)


def rehearse(wanted: Wanted, suffix: str, stage: Stage) -> None:
    """Live through it all on an embedded AWS that ends with this call; the caller's AWS settings are put away.

    Raises Failed at the first thing that does not go as it should.
    """
    _prepare(wanted, stage.tell)
    stage.tell(Chapter("an AWS of our own"))
    with EmbeddedAws() as aws, isolated(aws.endpoint, ACCOUNT, wanted.config.regions.primary):
        stage.tell(Line(f"listens at {aws.endpoint}, account {ACCOUNT}; nothing else is reached"))
        visitor = Visitor(aws.endpoint, ACCOUNT, signs=wanted.config.function.url_auth == "AWS_IAM")
        life = _Life(stage, wanted, suffix, Clients.of_profile(None), visitor)
        _first_deployment(life)
        _use(life)
        _nothing_to_do(life)
        _update(life)
        _end(life)


def _prepare(wanted: Wanted, tell: Tell) -> None:
    tell(Chapter("render"))
    assembly = make_assembly(wanted)
    tell(Line(f"{len(assembly.manifest.stacks)} templates for {', '.join(wanted.config.regions.all)}"))
    tell(Chapter("lint"))
    findings = _lint(assembly)
    if findings:
        raise Failed(where="lint", what="\n  ".join(findings), next_step="python -m builder lint")
    tell(Line("cfn-lint, information included: no findings"))


def _lint(assembly: Assembly) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="builder-rehearsal-") as folder:
        write_assembly(Path(folder) / "templates", assembly)
        return [f"{f.file}:{f.line}: {f.rule} {f.message}" for f in lint_assembly(Path(folder) / "templates").findings]


def _first_deployment(life: _Life) -> None:
    tell = life.stage.tell
    tell(Chapter("plan"))
    deployment = life.deployment(life.wanted)
    plan = _plan(life, deployment)
    if len(plan.steps) != len(deployment.stacks):
        raise Failed(where="plan", what=f"{len(plan.steps)} change sets for {len(deployment.stacks)} stacks")
    tell(Line(f"{len(plan.steps)} change sets stand in review, and no stack exists yet"))
    tell(Chapter("execute"))
    _expect_done(life.stage.watch(partial(execute_plan, plan, life.clients)))
    for name, value in _outputs(life).items():
        tell(Line(f"{name} = {value}"))


def _use(life: _Life) -> None:
    life.stage.tell(Chapter("use"))
    outputs = _outputs(life)
    regions = life.wanted.config.regions
    primary = Place(regions.primary, outputs["primaryLambdaUrl"], outputs["primaryBucketName"])
    secondary = Place(regions.secondaries[0], outputs["secondaryLambdaUrl"], outputs["secondaryBucketName"])
    life.stage.run(exercise(primary, secondary, life.visitor, life.clients, life.stage.tell))


def _nothing_to_do(life: _Life) -> None:
    life.stage.tell(Chapter("plan again, nothing changed"))
    plan = _plan(life, life.deployment(life.wanted))
    if plan.steps:
        raise Failed(where="plan", what=f"change sets were made for {', '.join(step.stack for step in plan.steps)}")
    life.stage.tell(Line(f"no change set was made; {len(plan.unchanged)} stacks are as they should be"))


def _update(life: _Life) -> None:
    tell = life.stage.tell
    tell(Chapter("update: one more variable in the functions' environment"))
    config = life.wanted.config
    function = config.function.model_copy(update={"environment": {**config.function.environment, "REHEARSED": "yes"}})
    changed = Wanted(config.model_copy(update={"function": function}), life.wanted.folder, life.wanted.handler)
    plan = _plan(life, life.deployment(changed))
    for step in plan.steps:
        touched = ", ".join(f"{change.action} {change.logical_id}" for change in step.changes)
        tell(Line(f"{step.stack}: {touched}"))
    if any(not step.stack.endswith("/service") for step in plan.steps) or not plan.steps:
        raise Failed(where="plan", what="the update touches other stacks than the services")
    _expect_done(life.stage.watch(partial(execute_plan, plan, life.clients)))


def _end(life: _Life) -> None:
    tell = life.stage.tell
    tell(Chapter("destroy, buckets and table full"))
    deployment = life.deployment(life.wanted)
    standing = life.stage.run(find_standing(deployment.name, deployment.sites, life.clients))
    removal = Removal(standing=standing, needs={stack.id: stack.needs for stack in deployment.stacks})
    _expect_done(life.stage.watch(partial(destroy, removal, life.clients, life.stage.seal().id)))
    left = life.stage.run(find_standing(deployment.name, deployment.sites, life.clients))
    if left:
        raise Failed(where="destroy", what=f"left standing: {', '.join(one.id for one in left)}")
    tell(Line(f"{len(standing)} stacks are gone, nothing is left"))


def _plan(life: _Life, deployment: Deployment) -> Plan:
    return life.stage.watch(partial(make_plan, deployment, life.clients, life.stage.seal()))


def _outputs(life: _Life) -> dict[str, str]:
    return dict(life.stage.run(observe_outputs(life.deployment(life.wanted), life.clients)))


def _expect_done(ended: tuple[Outcome, ...]) -> None:
    failed = [outcome for outcome in ended if not isinstance(outcome, Done)]
    if failed:
        raise Failed(where="rehearsal", what="\n  ".join(str(outcome) for outcome in failed))
