"""plan.json: a plan as bytes; a plan that is read from it is a claim, and is checked against the assembly."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from builder.aws import Clients
from builder.deploy.change_sets.artifacts import artifacts_restored, faults_of_artifacts, uploads_for, with_bucket
from builder.deploy.change_sets.change_set import PendingChangeSet, change_set_name, console_link
from builder.deploy.desired import Deployment, DesiredStack, bind_account, leave_out, narrow
from builder.deploy.handovers.transfers import NO_TRANSFER, Transfer
from builder.deploy.promotion import Promotion
from builder.deploy.records import (
    PLAN_AGAIN,
    PLAN_VERSION,
    Deferred,
    Deletion,
    GuardHit,
    Plan,
    PlanOptions,
    Protection,
    StackPolicy,
    Step,
)
from builder.deploy.step_order import StepPlace, make_stack_steps, make_waits
from builder.errors import BadInput, Stopped
from builder.graph import as_circle, find_circle
from builder.terms import Arn, Region, StackId, StackName

_PLAN = TypeAdapter(Plan)
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-[0-9]+")


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


V = TypeVar("V", bound=_Versioned)


def read_plan(data: bytes, where: str) -> Plan:
    """Return the plan in a file's bytes. Raises BadInput."""
    again = "python -m builder plan -o plan.json"
    plan = read_versioned(_PLAN, data, PLAN_VERSION, where=where, otherwise="is not a plan", again=again)
    return replace(plan, steps=tuple(replace(step, console=_console(step)) for step in plan.steps))


def _console(step: Step) -> str:
    """Return the link to the step's change set; it is computed, since a file must not decide where it leads."""
    if not _REGION.fullmatch(step.region) or not step.change_set.startswith("arn:aws"):
        return ""
    return console_link(PendingChangeSet(step.stack, step.site, step.change_set, step.stack_arn))


def write_plan(plan: Plan) -> bytes:
    """Return the bytes of plan.json."""
    return _PLAN.dump_json(plan, indent=2) + b"\n"


def read_versioned(  # noqa: PLR0913 - what is read, and what is said of it
    adapter: TypeAdapter[V], data: bytes, version: int, *, where: str, otherwise: str, again: str
) -> V:
    """Return a file's contents; its version is read first.

    Raises BadInput: `otherwise` says what the file is not, `again` is the command that makes another.
    """
    fault = _version_fault(data, version, otherwise)
    if fault:
        raise BadInput(where=where, what=fault, next_step=again)
    try:
        return adapter.validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        # A key may be any text: characters that would move a terminal's cursor are escaped.
        place = ".".join(str(part) for part in first["loc"]).encode("unicode_escape").decode() or "the file"
        raise BadInput(where=where, what=f"{otherwise}: {place}: {first['msg']}", next_step=again) from None


def _version_fault(data: bytes, version: int, otherwise: str) -> str:
    """Return why a file of this version cannot be read; empty where this builder reads the version."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return f"{otherwise}: it is not JSON"
    if not isinstance(document, dict):
        return f"{otherwise}: it is not a JSON object"
    if "version" not in document:
        return f"{otherwise}: it says no version"
    found_version = document["version"]
    if isinstance(found_version, bool) or not isinstance(found_version, int):
        return f"{otherwise}: its version is not an integer"
    if found_version != version:
        made_by = "an older builder" if found_version < version else "a newer builder"
        return f"plan version {found_version} is of {made_by}, and this one reads version {version}: plan again"
    return ""


_Work = Step | Deferred | Protection | StackPolicy
MoreGuards = Callable[[Plan, Deployment, Clients], Coroutine[Any, Any, tuple[GuardHit, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedInput:
    """What an execution knows without the plan's file."""

    deployment: Deployment
    """The whole assembly, bound to the environment, with skipped regions."""
    options: PlanOptions = PlanOptions()
    """How its change sets are created, from dr.yaml and the command line."""
    more_guards: "MoreGuards | None" = None
    """Returns further guard hits of the judged plan: a fleet's, in its accounts."""
    is_own: bool = False
    """Whether this run made the plan, and nobody else had it."""
    promotion: Promotion | None = None
    """The promotion under way, as AWS shows it."""
    transfers: Mapping[StackId, Transfer] = field(default_factory=dict)
    """The data that its stacks import and release, as AWS shows it when the execution begins."""


def check_claim(plan: Plan, trusted: TrustedInput) -> Plan:
    """Return the plan with its fields replaced by the assembly's. Raises BadInput where they differ.

    Every fault is named: another deployment, assembly, account or role, and all that does not follow from the assembly.
    """
    check_order(plan)
    if trusted.is_own:
        _check_stacks(plan, trusted.deployment)
        return plan
    _check_origin(plan, trusted)
    deployment = bind_account(narrowed(plan, trusted.deployment), plan.account)
    if faults := tuple(dict.fromkeys(_faults(plan, deployment, trusted.transfers))):
        raise BadInput(
            where=plan.deployment,
            what="\n  ".join(("the plan does not follow from the assembly:", *faults)),
            next_step=PLAN_AGAIN,
        )
    desired = {stack.id: stack for stack in deployment.stacks}
    work = tuple(dict.fromkeys(step.stack for step in plan.changing))
    orphans = tuple(deletion.stack for deletion in plan.deletions if deletion.stack not in desired)
    uploads = {
        change_set.stack: uploads_for(deployment, change_set.stack, plan.artifacts) for change_set in plan.change_sets
    }

    def needs(change_set: Step | Deferred) -> tuple[StackId, ...]:
        return tuple(dict.fromkeys((*_needs(change_set, desired), *uploads[change_set.stack])))

    restored = replace(
        plan,
        steps=tuple(replace(step, needs=needs(step)) for step in plan.steps),
        deferred=tuple(
            replace(deferred, desired=replace(deferred.desired, needs=needs(deferred))) for deferred in plan.deferred
        ),
        artifacts=artifacts_restored(deployment, plan.artifacts, work),
        protections=tuple(replace(protection, needs=_needs(protection, desired)) for protection in plan.protections),
        policies=tuple(replace(policy, needs=_needs(policy, desired)) for policy in plan.policies),
        deletions=tuple(_deletion_restored(deletion, work, orphans) for deletion in plan.deletions),
    )
    # The assembly's needs can close a circle that the file left open: a stack that needs an orphan's deletion.
    check_order(restored)
    return restored


def _check_stacks(plan: Plan, deployment: Deployment) -> None:
    """Raise Stopped if a stack that was to release data no longer has it: somebody else was faster."""
    known = {stack.id for stack in deployment.stacks}
    if gone := dict.fromkeys(step.stack for step in plan.changing if step.stack not in known):
        what = f"{', '.join(gone)} was to release data, and that has changed since the plan was made"
        raise Stopped(where=plan.deployment, what=what, next_step=PLAN_AGAIN)


def check_own(plan: Plan) -> None:
    """Raise BadInput unless the plan's change sets have the plan's own name, and belong to the stacks that it names."""
    faults = [
        fault
        for step in plan.steps
        for arn, resource in (
            (step.change_set, f"changeSet/{name_of(plan, step)}"),
            (step.stack_arn, f"stack/{step.name}"),
        )
        for fault in _faults_of_arn(plan, step, arn, resource)
    ]
    if faults:
        raise BadInput(where=plan.deployment, what="\n  ".join(("these are not the plan's:", *faults)))


def _needs(step: _Work, desired: Mapping[StackId, DesiredStack]) -> tuple[StackId, ...]:
    """Return the needs from the assembly, and those that planning read from AWS: these can only delay."""
    return tuple(dict.fromkeys((*desired[step.stack].needs, *step.needs)))


def narrowed(plan: Plan, deployment: Deployment) -> Deployment:
    """Return the deployment without the regions that the plan leaves out, and without the stacks that it postpones.

    Raises BadInput where only a part of a region is left out, and no region as a whole.
    """
    skipped = set(plan.left_out)
    left_out = skipped | {waiting.stack for waiting in plan.postponed}
    if left_out == {stack.id for stack in deployment.left_out}:
        return deployment
    by_region: dict[Region, set[StackId]] = {}
    for stack in deployment.stacks:
        by_region.setdefault(stack.region, set()).add(stack.id)
    regions = [region for region, stacks in by_region.items() if stacks <= skipped]
    if not left_out >= {stack.id for stack in deployment.left_out} or not (regions or deployment.skipped):
        raise BadInput(where=plan.deployment, what="the plan leaves out other stacks than those of whole regions")
    return leave_out(narrow(deployment, regions) if regions else deployment, left_out)


def check_order(plan: Plan) -> None:
    """Raise BadInput unless all of the plan can be done in some order."""
    stacks = make_stack_steps(plan)
    places = {StepPlace(stack, place): step for stack, steps in stacks.items() for place, step in enumerate(steps)}
    own = [at for at, step in places.items() if at.stack in step.needs]
    if circle := own[:1] or find_circle(make_waits(places)):
        what = f"stacks of the plan need each other in a circle: {as_circle(dict.fromkeys(at.stack for at in circle))}"
        raise BadInput(where=plan.deployment, what=what, next_step=PLAN_AGAIN)


def _check_origin(plan: Plan, trusted: TrustedInput) -> None:
    deployment, options = trusted.deployment, plan.options
    if plan.deployment != deployment.name:
        raise BadInput(
            where=plan.deployment,
            what=f"the plan is of the deployment {plan.deployment}, and what is to be executed is {deployment.name}",
            next_step="--env SUFFIX    names the plan's environment, where that is meant",
        )
    if plan.assembly != deployment.digest:
        raise BadInput(
            where=plan.deployment,
            what="the plan was made from another assembly than the one at hand",
            next_step="--assembly DIR    names the one that it was made from; or plan again",
        )
    if deployment.account not in {None, plan.account}:
        raise BadInput(
            where=plan.deployment,
            what=f"belongs in account {deployment.account}, and the plan is for account {plan.account}",
            next_step=PLAN_AGAIN,
        )
    _check_options(plan, with_bucket(trusted.options, deployment))
    if set(options.unrolled) != set(trusted.options.unrolled):
        raise BadInput(where=plan.deployment, what="the plan leaves other failures as they are than is usual here")


def _check_options(plan: Plan, given: PlanOptions) -> None:
    """Raise BadInput unless the execution's options for change sets equal the plan's."""
    options = plan.options
    if options.role_arn != given.role_arn:
        raise BadInput(
            where=plan.deployment,
            what=f"CloudFormation's role is {options.role_arn or 'none'} in the plan, and here it is "
            f"{given.role_arn or 'none'}",
            next_step="--role-arn ARN    names the role, where that of the plan is meant",
        )
    if options.deployment_mode != given.deployment_mode:
        raise BadInput(
            where=plan.deployment,
            what=f"the deployment mode is {options.deployment_mode} in the plan, and here it is "
            f"{given.deployment_mode}",
            next_step=f"--deployment-mode {options.deployment_mode}    where that of the plan is meant",
        )
    if options.import_existing != given.import_existing:
        does, here = ("takes in", "it is not said") if options.import_existing else ("does not take in", "it is said")
        raise BadInput(
            where=plan.deployment,
            what=f"the plan {does} resources that exist, and here {here}",
            next_step="--import-existing    has the plan's change sets take in what exists, where that is meant",
        )
    # The templates of created change sets are in place.
    if plan.deferred and options.artifacts_bucket != given.artifacts_bucket:
        raise BadInput(
            where=plan.deployment,
            what=f"large templates go to the bucket {options.artifacts_bucket or 'none'} in the plan, and here to "
            f"{given.artifacts_bucket or 'none'}",
            next_step="--artifacts-bucket NAME    names it, where that of the plan is meant",
        )


def _faults(plan: Plan, deployment: Deployment, transfers: Mapping[StackId, Transfer]) -> Iterator[str]:
    desired = {stack.id: stack for stack in deployment.stacks}
    known = {*desired, *plan.left_out, *(waiting.stack for waiting in plan.postponed)}
    known |= {deletion.stack for deletion in plan.deletions} | {upload.stack for upload in plan.uploads}
    yield from faults_of_artifacts(
        deployment, plan.account, plan.artifacts, dict.fromkeys(change_set.stack for change_set in plan.change_sets)
    )
    for step in plan.changing:
        yield from _faults_of_place(plan, step, desired.get(step.stack), transfers.get(step.stack, NO_TRANSFER))
    needs = ((step.stack, need) for step in plan.work for need in step.needs)
    yield from (f"{stack} needs {need}, which is nowhere" for stack, need in needs if need not in known)
    for stack_id in dict.fromkeys(change_set.stack for change_set in plan.change_sets):
        parts = sorted(change_set.part for change_set in plan.change_sets if change_set.stack == stack_id)
        if parts != list(range(1, len(parts) + 1)):
            yield f"{stack_id} has change sets twice, or lacks one: {', '.join(str(part)[:9] for part in parts)}"
    opening = tuple(policy for policy in plan.policies if policy.opens)
    closing = tuple(policy for policy in plan.policies if not policy.opens)
    for once in (plan.deletions, plan.protections, opening, closing):
        for stack_id, count in Counter(step.stack for step in once).items():
            if count > 1:
                yield f"{stack_id} is deleted, protected or given a policy {count} times"
    for deletion in plan.deletions:
        yield from _faults_of_deletion(plan, deletion, deployment)
    yield from _faults_of_releases({change_set.stack for change_set in plan.change_sets}, transfers)


def _faults_of_releases(made: Collection[StackId], transfers: Mapping[StackId, Transfer]) -> Iterator[str]:
    """Yield each release whose data the stack that is to have it does not import."""
    for stack_id in made:
        for name, taker in transfers.get(stack_id, NO_TRANSFER).releases.items():
            if transfers.get(taker, NO_TRANSFER).imports and taker not in made:
                yield f"{stack_id} releases {name}, and the plan does not have {taker} import it"


def _faults_of_place(plan: Plan, step: _Work, desired: DesiredStack | None, transfer: Transfer) -> Iterator[str]:
    if desired is None:
        yield f"{step.stack} is no stack of the assembly"
        return
    if (step.site, step.name) != (desired.site, desired.name):
        account = f" of account {step.site.account}" if step.site.account else ""
        yield f"{step.stack} is not the stack {step.name} in {step.region}{account}"
    if missing := [need for need in desired.needs if need not in step.needs]:
        yield f"{step.stack} needs {', '.join(missing)}, and the plan does not say so"
    if isinstance(step, Step):
        yield from _faults_of_arn(plan, step, step.change_set, f"changeSet/{name_of(plan, step)}")
        yield from _faults_of_arn(plan, step, step.stack_arn, f"stack/{desired.name}")
    if isinstance(step, Protection) and step.protect is not desired.termination_protection:
        yield f"{step.stack}: its termination protection is not what the assembly says"
    if isinstance(step, StackPolicy) and (fault := _fault_of_policy(step, desired, transfer)):
        yield f"{step.stack}: {fault}"
    if isinstance(step, Protection | StackPolicy) and step.found.stack_id is not None:
        yield from _faults_of_arn(plan, step, step.found.stack_id, f"stack/{desired.name}")


def _fault_of_policy(policy: StackPolicy, desired: DesiredStack, transfer: Transfer) -> str:
    if policy.opens:
        return (
            "" if transfer.opened and policy.policy == transfer.opened else "nothing leaves it that its policy denies"
        )
    expected = desired.stack_policy or transfer.policy
    return "" if policy.policy == expected else "its stack policy is not what the assembly says"


def name_of(plan: Plan, step: Step | Deferred) -> str:
    """Return the name of a change set of the plan."""
    return change_set_name(plan.deployment, plan.id, step.part)


def _faults_of_arn(
    plan: Plan, step: Step | Protection | StackPolicy | Deletion, arn: Arn, resource: str
) -> Iterator[str]:
    # arn:aws:cloudformation:us-east-1:111122223333:changeSet/NAME/uuid
    account = step.site.account or plan.account
    parts = arn.split(":", 5)
    if parts[:1] != ["arn"] or parts[2:5] != ["cloudformation", step.region, account]:
        yield f"{step.stack}: {arn} is not of {step.region} and account {account}"
    elif "".join(parts[5:]).rpartition("/")[0] != resource:
        yield f"{step.stack}: {arn} is not {resource}"


def _faults_of_deletion(plan: Plan, deletion: Deletion, deployment: Deployment) -> Iterator[str]:
    everything = [stack for stack in (*deployment.stacks, *deployment.left_out) if stack.id not in deployment.leaving]
    yield from _faults_of_arn(plan, deletion, deletion.stack_arn, f"stack/{deletion.name}")
    if deletion.region in deployment.skipped:
        yield f"{deletion.stack} is in {deletion.region}, which the plan leaves out"
    desired = next((stack for stack in everything if (stack.site, stack.name) == _place(deletion)), None)
    if desired is None:
        if deletion.stack != f"{deletion.region}/{deletion.name}":
            yield f"{deletion.stack} is not the stack {deletion.name} in {deletion.region}"
        if deletion.site.account not in {stack.account for stack in everything} | {None}:
            yield f"{deletion.stack} is in account {deletion.site.account}, where the assembly has nothing"
    elif deletion.stack != desired.id:
        yield f"{deletion.stack} is not the stack {deletion.name} in {deletion.region}"
    elif deletion.stack not in {deferred.stack for deferred in plan.deferred if deferred.part == 1}:
        yield f"{deletion.stack} is in the assembly, and the plan deletes it without making it again"


def _place(deletion: Deletion) -> tuple[object, StackName]:
    return deletion.site, deletion.name


def _deletion_restored(deletion: Deletion, work: tuple[StackId, ...], orphans: tuple[StackId, ...]) -> Deletion:
    """Return the deletion with its needs: for an orphan, all stacks with steps and the orphans before it."""
    if deletion.stack not in orphans:
        return replace(deletion, needs=())
    return replace(deletion, needs=(*work, *orphans[: orphans.index(deletion.stack)]))
