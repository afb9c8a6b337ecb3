"""Updates of exports that other stacks import: the importers are updated first, or the plan is refused.

CloudFormation refuses to change or remove an export while a stack imports it, and rolls back the update.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from builder.assembly.bound import bind_stack
from builder.assembly.uses import Way
from builder.aws import Clients, together
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.draft.dependants import other_values
from builder.deploy.observe.capture import observe_importers
from builder.deploy.observe.deployment import ObservedDeployment
from builder.deploy.records import Deferred, ResourceChange, Step
from builder.errors import BuilderError, Stopped, gathered
from builder.graph import closure
from builder.template import at, in_account, names_in, read_deployed, read_template
from builder.terms import AccountId, Site, StackId

_MISSING = re.compile(r"No export named ([^\s,;\]]+)")
_TWO_PLANS = "one plan that adds what is wanted and moves the importers, and after that one that removes the old export"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """An export that an update changes or removes."""

    stack: StackId
    site: Site
    name: str
    verb: str
    """`changes` or `removes`."""
    is_certain: bool
    """Whether it certainly does, or only may."""


def missing_exports(reason: str) -> tuple[str, ...]:
    """Return the missing exports that the reason of a change set names.

    The reason has a [WARN] for them, which is no sign of omitted rows.
    """
    return tuple(dict.fromkeys(_MISSING.findall(reason)))


def missing_export_finding(export: str) -> str:
    """Return the finding about a missing export."""
    return f"WARN no export named {export}: it has to be there when this is executed"


def without_made(step: Step, deployment: Deployment, account: AccountId) -> Step:
    """Return the step without findings about exports that the stacks it needs create."""
    made = {
        missing_export_finding(in_account(use.name, account))
        for use in deployment.uses
        if use.stack == step.stack and use.way is Way.EXPORT and use.makers
    }
    return replace(step, findings=tuple(finding for finding in step.findings if finding not in made))


async def put_importers_first(
    work: Sequence[Step | Deferred], deployment: Deployment, deployed: ObservedDeployment, clients: Clients
) -> tuple[Step | Deferred, ...]:
    """Return the work; an update that changes or removes an export needs the stacks that stop importing it.

    An export that only may change is a finding: CloudFormation rolls back the update if it does.
    Raises Stopped, naming each export, where a stack keeps or may keep importing it.
    """
    changes = [(step, change) for step in work for change in _changes(step, deployment, deployed)]
    users = await together(observe_importers(clients, change.site, change.stack, change.name) for _, change in changes)
    adopted = {step.stack for step in work if isinstance(step, Step) and step.adoption is not None}
    # A stack may have several change sets: the first does not have the needs of the last.
    more: dict[StackId, set[StackId]] = {step.stack: set() for step in work}
    needs: dict[StackId, set[StackId]] = {step.stack: set(step.needs) for step in work}
    # An adopted stack keeps its imports.
    updated = {stack: waits for stack, waits in needs.items() if stack not in adopted}
    faults: list[BuilderError] = []
    warnings: dict[StackId, list[str]] = {}
    for (step, change), names in zip(changes, users, strict=True):
        for name in names:
            if not change.is_certain:
                warnings.setdefault(step.stack, []).append(
                    f"WARN export {change.name} may change, which {name} imports: CloudFormation would refuse that"
                )
                continue
            first = _gives_it_up(name, change, deployment, deployed.account, updated)
            if isinstance(first, Stopped):
                faults.append(first)
            else:
                needs[step.stack].add(first)
                more[step.stack].add(first)
    if faults:
        raise gathered(faults)
    return tuple(_changed(step, more[step.stack], warnings.get(step.stack, ())) for step in work)


def _changed(step: Step | Deferred, needs: Collection[StackId], findings: Sequence[str]) -> Step | Deferred:
    more = tuple(sorted(set(needs) - set(step.needs)))
    findings = (*step.findings, *dict.fromkeys(findings))
    if isinstance(step, Step):
        return replace(step, needs=(*step.needs, *more), findings=findings)
    return replace(step, desired=replace(step.desired, needs=(*step.needs, *more)), findings=findings)


def _gives_it_up(
    importer: str, change: _Change, deployment: Deployment, account: AccountId, needs: Mapping[StackId, set[StackId]]
) -> StackId | Stopped:
    """Return the stack that has to be updated first, or why no order helps; `needs` are those of updated stacks."""
    what = f"{change.verb} the export {change.name}, which {importer} imports"
    ours = next((stack for stack in deployment.stacks if stack.site == change.site and stack.name == importer), None)
    # A nested stack's name is <the outer one's>-<logical id>-<letters and digits>.
    outer = [
        stack.id for stack in deployment.stacks if stack.site == change.site and importer.startswith(f"{stack.name}-")
    ]
    if ours is None and outer:
        nested = f"{what}; that stack seems to be nested in {outer[0]}, and no order within one plan is known to help"
        return Stopped(where=change.stack, what=nested, next_step=_TWO_PLANS)
    if ours is None:
        return Stopped(
            where=change.stack,
            what=f"{what}; that stack is not this plan's",
            next_step="aws cloudformation list-imports    tells who imports an export; they have to give it up first",
        )
    goes_on = any(
        use.stack == ours.id and use.way is Way.EXPORT and in_account(use.name, account) == change.name
        for use in deployment.uses
    )
    if goes_on or ours.id not in needs:
        return Stopped(where=change.stack, what=f"{what} and goes on importing", next_step=_TWO_PLANS)
    if change.stack in closure(needs, ours.id):
        return Stopped(where=change.stack, what=f"{what} until it takes something new of it", next_step=_TWO_PLANS)
    return ours.id


def _changes(step: Step | Deferred, deployment: Deployment, deployed: ObservedDeployment) -> Iterator[_Change]:
    observed = deployed.stacks.get(step.stack)
    adopts = isinstance(step, Step) and step.adoption is not None
    if observed is None or not observed.exports or step.type != "UPDATE" or adopts:
        return
    desired = deployment.stack(step.stack)
    old_outputs = read_deployed(deployed.templates.get(step.stack), step.stack).section("Outputs")
    new_outputs = read_template(desired.template, step.stack).section("Outputs")
    by_name = dict(_named(desired, deployed.account))
    moved = set(other_values(desired, observed))
    for name, key in observed.exports.items():
        before = old_outputs.get(key)
        same = at(before, "Export") == at(new_outputs, key, "Export")
        same = same and moved.isdisjoint(names_in(at(before, "Export")))
        now = by_name.get(name) or (key if same and before else None)
        if now is None:
            yield _Change(stack=step.stack, site=step.site, name=name, verb="removes", is_certain=True)
            continue
        certain = _value_changes(at(before, "Value"), at(new_outputs, now, "Value"), moved, step.changes)
        if certain is not None and at(new_outputs, now, "Value") != observed.outputs.get(key):
            yield _Change(stack=step.stack, site=step.site, name=name, verb="changes", is_certain=certain)


def _value_changes(before: object, after: object, moved: set[str], changes: Sequence[ResourceChange]) -> bool | None:
    """Return whether an output's value certainly changes; False where it may, None where it does not."""
    if before != after:
        return isinstance(after, str)
    replaced: dict[str, ResourceChange] = {change.logical_id: change for change in changes if change.is_replaced}
    sources = [replaced[name] for name in names_in(after) if name in replaced]
    if any(change.replacement == "True" for change in sources):
        return True
    return False if sources or not moved.isdisjoint(names_in(after)) else None


def _named(desired: DesiredStack, account: AccountId) -> Iterator[tuple[str, str]]:
    """Yield each known name of an export, with its output's name."""
    template = read_template(desired.template, desired.id)
    bound = bind_stack(template, desired.name, desired.region, desired.parameters)
    for key, output in template.section("Outputs").items():
        if name := bound.text(at(output, "Export", "Name")):
            yield in_account(name, account), key
