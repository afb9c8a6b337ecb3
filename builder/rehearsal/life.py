"""The life of the system: deployed, used, planned again, changed, changed by hand, destroyed."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from builder import deploy
from builder.assembly import Assembly
from builder.assembly.build import BUILD_FOLDER, Built, NotBuilt, build, differs_here
from builder.assembly.components import OutputOf, stacks_of_functions
from builder.assembly.manifest import StackEntry, UsePreviousValue
from builder.assembly.render import make_assembly
from builder.aws import Clients, Tempo
from builder.config import LoadedConfig
from builder.errors import Failed
from builder.local import EmbeddedAws
from builder.packing.machine import Machine
from builder.rehearsal.behind import SETTINGS, ByHand, change_by_hand
from builder.rehearsal.foreign import bootstrap, lint_read, make_buckets, only_account
from builder.rehearsal.stage import (
    ACCOUNT,
    Chapter,
    Line,
    Stage,
    expect_done,
    isolated,
    render_and_lint,
    signs_requests,
    with_output,
    with_variable,
)
from builder.rehearsal.there_before import ThereBefore, check_there, make_there, there_before
from builder.rehearsal.use import UseContext, Visitor, exercise, exercise_function, observe_components
from builder.report.state import drift_text
from builder.state import find_differences
from builder.state.differences import observe_drift
from builder.template import read_template
from builder.terms import AccountId, StackId, counted


@dataclass(frozen=True, slots=True)
class _Life:
    stage: Stage
    loaded: LoadedConfig | None
    """What is rendered; None where the assembly is another's."""
    root: Path
    """Where the sources of assets are."""
    build_folder: Path
    suffix: str
    clients: Clients
    visitor: Visitor
    assembly: Assembly
    account: AccountId = ACCOUNT

    @property
    def deployment(self) -> deploy.Deployment:
        assembly = self.assembly
        assets = build(assembly.assets, self.root, self.build_folder, here=True)
        bound = deploy.make_deployment(assembly.manifest, assembly.templates, self.suffix, assets=assets)
        return dataclasses.replace(bound, bootstraps=assembly.bootstraps)


def rehearse_system(loaded: LoadedConfig, suffix: str, stage: Stage) -> None:
    """Live through it all on an embedded AWS that ends with this call; the caller's AWS settings are put away.

    Raises Failed at the first thing that does not go as it should.
    """
    assembly, root = render_and_lint(loaded, stage.tell), loaded.folder
    _build(assembly, root, stage)
    stage.tell(Chapter("an AWS of our own"))
    with EmbeddedAws() as aws, isolated(aws.endpoint, ACCOUNT, loaded.config.regions.primary):
        stage.tell(Line(f"listens at {aws.endpoint}, account {ACCOUNT}; nothing else is reached"))
        visitor = Visitor(aws.endpoint, ACCOUNT, signs=signs_requests(loaded.config))
        clients = Clients.of_profile(None, tempo=Tempo.quick())
        if loaded.config.artifacts_bucket:
            for made in stage.run(make_buckets(assembly, suffix, clients)):
                stage.tell(Line(made))
        life = _Life(stage, loaded, root, root / BUILD_FOLDER, suffix, clients, visitor, with_stand_ins(assembly))
        _live(life, assembly)


def rehearse_assembly(assembly: Assembly, root: Path, build_folder: Path, suffix: str, stage: Stage) -> None:
    """Live through the same with an assembly that was not rendered here; what a CDK app takes for granted is made.

    Raises BadInput for stacks of several accounts, and Failed at the first thing that does not go as it should.
    """
    account = only_account(assembly.manifest)
    lint_read(assembly, stage.tell)
    stage.tell(Chapter("an AWS of our own"))
    with EmbeddedAws() as aws, isolated(aws.endpoint, account, assembly.manifest.regions[0]):
        stage.tell(Line(f"listens at {aws.endpoint}, account {account}; nothing else is reached"))
        clients = Clients.of_profile(None, tempo=Tempo.quick())
        for made in stage.run(bootstrap(assembly, account, clients)):
            stage.tell(Line(made))
        visitor = Visitor(aws.endpoint, account, signs=False)
        life = _Life(stage, None, root, build_folder, suffix, clients, visitor, with_stand_ins(assembly), account)
        _live(life, assembly)


def _live(life: _Life, assembly: Assembly) -> None:
    things = there_before(life.deployment, life.account)
    for made in life.stage.run(make_there(things, life.clients)):
        life.stage.tell(Line(made))
    _first_deployment(life, assembly, things)
    _use(life)
    _nothing_to_do(life)
    life = _update(life)
    _drift(life)
    _end(life)


def _build(assembly: Assembly, root: Path, stage: Stage) -> None:
    """Make what has packages as Lambda gets it, and once more for what runs functions here.

    Raises Failed where one of them cannot be made.
    """
    twice = [asset for asset in assembly.assets if differs_here(asset)]
    if not twice:
        return
    stage.tell(Chapter("build"))
    for asset in build(twice, root, root / BUILD_FOLDER):
        _tell_built(stage, asset, f"as {asset.asset.runtime} on {asset.asset.architecture} runs it")
    for asset in build(twice, root, root / BUILD_FOLDER, here=True):
        here = Machine(asset.asset.runtime, asset.asset.architecture, here=True).name
        _tell_built(stage, asset, f"a second time, for {here}, by which functions run here")


def _tell_built(stage: Stage, built: Built | NotBuilt, how: str) -> None:
    if isinstance(built, NotBuilt):
        raise Failed(where="build", what=built.why)
    stage.tell(Line(f"{built.asset.source} with its packages, {how}"))
    for note in built.notes:
        stage.tell(Line(f"{built.asset.source}: {note}"))


def with_stand_ins(assembly: Assembly) -> Assembly:
    """Return the assembly with a value for each parameter that keeps its stack's value: no stack exists yet."""

    def stood_in(entry: StackEntry) -> StackEntry:
        kept = previous_of(entry)
        if not kept:
            return entry
        declared = read_template(assembly.templates[entry.template], entry.template).parameters
        values = {name: _stand_in(declared[name]) for name in kept}
        return dataclasses.replace(entry, parameters={**entry.parameters, **values})

    stacks = tuple(stood_in(entry) for entry in assembly.manifest.stacks)
    return dataclasses.replace(assembly, manifest=dataclasses.replace(assembly.manifest, stacks=stacks))


def previous_of(entry: StackEntry) -> tuple[str, ...]:
    """Return the parameters that are to keep their values."""
    return tuple(name for name, value in entry.parameters.items() if isinstance(value, UsePreviousValue))


def _stand_in(declared: Mapping[str, object]) -> str:
    """Return a value that a parameter takes: its default, the first that is allowed, or one of its type and length."""
    allowed = declared.get("AllowedValues")
    if "Default" in declared:
        return str(declared["Default"])
    if isinstance(allowed, list) and allowed:
        return str(allowed[0])
    if declared.get("Type") == "Number":
        return str(declared.get("MinValue", 1))
    return "rehearsed".ljust(int(str(declared.get("MinLength", 0))), "d")[: int(str(declared.get("MaxLength", 4096)))]


def _first_deployment(life: _Life, original: Assembly, things: tuple[ThereBefore, ...]) -> None:
    tell = life.stage.tell
    tell(Chapter("plan"))
    for entry in original.manifest.stacks:
        if kept := previous_of(entry):
            tell(Line(f"{entry.id}: {', '.join(kept)} would keep what the stack has; none stands, so by a stand-in"))
    deployment, plan = life.deployment, _plan(life)
    planned = {change_set.stack for change_set in plan.change_sets}
    if len(planned) != len(deployment.stacks):
        raise Failed(where="plan", what=f"change sets for {len(planned)} of {counted(len(deployment.stacks), 'stack')}")
    stand = "stands" if len(plan.steps) == 1 else "stand"
    tell(Line(f"{counted(len(plan.steps), 'change set')} {stand} in review, and no stack exists yet"))
    for later in plan.deferred:
        tell(Line(f"{later.stack}: its change set is made during the execution: {later.because}"))
    tell(Chapter("execute"))
    if allow := tuple(thing.where for thing in things):
        tell(Line(f"allowed by name: {', '.join(allow)}"))
    _execute(life, plan, allow)
    for line in life.stage.run(check_there(things, life.clients)):
        tell(Line(line))
    for name, value in life.stage.run(deploy.observe_outputs(deployment, life.clients)).items():
        tell(Line(f"{name} = {value}"))


def _use(life: _Life) -> None:
    tell, deployment = life.stage.tell, life.deployment
    tell(Chapter("use"))
    if not deployment.components:
        tell(Line("no component says what could be called or written to, so nothing is: `components:` in dr.yaml does"))
    known = life.stage.run(observe_components(deployment, life.clients))
    use = UseContext(visitor=life.visitor, clients=life.clients, tell=tell)
    left = dict(deployment.components)
    if _built_in(life) and (function := left.pop("function").function):
        urls = {region: known[output] for region, output in function.url.items()}
        life.stage.run(exercise_function(urls, use))
        del left["table"]  # it was written to through the function
    for name, component in left.items():
        life.stage.run(exercise(name, component, known, use))


def _built_in(life: _Life) -> bool:
    """Whether there is the function whose handlers are known to keep items in the table, under the key that it has."""
    config = life.loaded.config if life.loaded else None
    if config is None or config.function is None or config.table is None:
        return False
    return config.table.has_handlers_key and "function" in life.deployment.components


def _nothing_to_do(life: _Life) -> None:
    life.stage.tell(Chapter("plan again, nothing changed"))
    plan = _plan(life)
    if plan.change_sets:
        raise Failed(where="plan", what=f"change sets were made for {', '.join(step.stack for step in plan.changing)}")
    life.stage.tell(Line(f"no change set was made; {len(plan.unchanged)} stacks are as they should be"))


@dataclass(frozen=True, slots=True)
class SystemChange:
    """One thing that is another one now, and the stacks that it is in."""

    title: str
    assembly: Assembly
    stacks: tuple[StackId, ...]


def make_change(loaded: LoadedConfig | None, assembly: Assembly) -> SystemChange:
    """Return the system with one more variable in the built-in functions, else with one more output in one template.

    Of the stacks that no other needs it is the one in most regions: what takes outputs of a stack would change too.
    """
    if loaded is not None and loaded.config.function is not None:
        made = make_assembly(with_variable(loaded, "REHEARSED", "yes"))
        functions = {"function": made.manifest.components["function"]}
        return SystemChange("one more variable in the functions' environment", made, stacks_of_functions(functions))
    entries = assembly.manifest.stacks
    needed = {name for entry in entries for need in entry.needs if (name := _needed(entry, need))}
    free = Counter(name for entry in entries if (name := entry.id.partition("/")[2]) not in needed)
    ((name, _),) = free.most_common(1)
    stacks = tuple(entry.id for entry in entries if entry.id.partition("/")[2] == name)
    return SystemChange(f"one more output in the template of {name}", with_output(assembly, stacks), stacks)


def _needed(entry: StackEntry, need: StackId) -> str:
    """Return the name of a need; not of a stack's like in another region, of which it takes no output."""
    name = need.partition("/")[2]
    takes = any(isinstance(value, OutputOf) and value.output[0] == need for value in entry.parameters.values())
    return name if takes or name != entry.id.partition("/")[2] else ""


def _update(life: _Life) -> _Life:
    tell, change = life.stage.tell, make_change(life.loaded, life.assembly)
    tell(Chapter(f"update: {change.title}"))
    changed = dataclasses.replace(life, assembly=with_stand_ins(change.assembly))
    plan = _plan(changed)
    for step in plan.change_sets:
        touched = ", ".join(f"{change.action} {change.logical_id}" for change in step.changes)
        tell(Line(f"{step.stack}: {touched or 'outputs alone'}"))
    if {step.stack for step in plan.changing} != set(change.stacks):
        what = f"the update touches other stacks than {', '.join(change.stacks)}, or not all of these"
        raise Failed(where="plan", what=what)
    _execute(changed, plan)
    return changed


def _drift(life: _Life) -> None:
    tell, deployment = life.stage.tell, life.deployment
    tell(Chapter("drift: one thing is changed behind CloudFormation's back"))
    hand = life.stage.run(_change_by_hand(life))
    if hand is None:
        settings = ", ".join(f"{setting.name} of {setting.type}" for setting in SETTINGS)
        tell(Line(f"nothing is: no template says anything of what is changed by hand here ({settings})"))
        return
    tell(Line(f"{hand.where}: {hand.setting.name} is {hand.after} instead of {hand.before}"))
    differences = life.stage.run(find_differences(deployment, life.clients))
    for line in drift_text(differences).plain.splitlines():
        tell(Line(line))
    if not hand.is_among(differences.stacks):
        raise Failed(where="drift", what=f"does not find {hand.setting.name} of {hand.where}")
    life.stage.run(hand.put_back())
    if hand.is_among(life.stage.run(observe_drift(life.clients, (hand.stack,)))):
        raise Failed(where="drift", what=f"still finds {hand.setting.name} of {hand.where}, which was put back")
    tell(Line("it is put back, and drift finds it no more"))


async def _change_by_hand(life: _Life) -> ByHand | None:
    stacks = await deploy.find_deployed(life.deployment.name, life.deployment.sites, life.clients)
    return await change_by_hand(life.deployment, {contents.id: contents.stack for contents in stacks}, life.clients)


def _end(life: _Life) -> None:
    tell, deployment = life.stage.tell, life.deployment
    tell(Chapter("destroy, with all that is in it"))
    deployed = life.stage.run(deploy.find_deployed(deployment.name, deployment.sites, life.clients))
    kept = tuple(
        dict.fromkeys(data.physical_id for contents in deployed for data in contents.kept if data.is_deletable)
    )
    stacks = deploy.delete_kept(deployed, kept, ())
    protected = life.stage.run(deploy.observe_protections(stacks, life.clients))
    for hit in (hit for contents in protected for hit in deploy.protection_hits(contents)):
        tell(Line(f"lifted: {hit.allow}"))
    if kept:
        tell(Line(f"retained, and deleted by name: {', '.join(kept)}"))
    needs = deploy.make_needs(stacks, {stack.id: stack.needs for stack in deployment.stacks})
    removal = deploy.Removal(stacks=stacks, needs=needs, unprotect=True)
    expect_done(life.stage.watch(partial(deploy.delete_deployment, removal, life.clients, life.stage.plan_id().id)))
    left = life.stage.run(deploy.find_deployed(deployment.name, deployment.sites, life.clients))
    if left:
        raise Failed(where="destroy", what=f"left standing: {', '.join(contents.id for contents in left)}")
    gone = "1 stack is" if len(stacks) == 1 else f"{len(stacks)} stacks are"
    tell(Line(f"{gone} gone, nothing is left"))


def _plan(life: _Life) -> deploy.Plan:
    return life.stage.watch(partial(deploy.make_plan, life.deployment, life.clients, life.stage.plan_id()))


def _execute(life: _Life, plan: deploy.Plan, allow: tuple[str, ...] = ()) -> None:
    trusted = deploy.TrustedInput(deployment=life.deployment)
    expect_done(life.stage.watch(partial(deploy.execute_plan, plan, trusted, life.clients, allow=allow)))
