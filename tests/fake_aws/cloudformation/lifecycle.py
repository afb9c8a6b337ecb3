"""The operations of a stack as they run through time: create, update, roll back, delete.

Each is a generator that yields waits; whoever starts one gives the stack a new epoch, which stops the one before.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from collections.abc import Callable, Generator, Iterator

from fake_aws.cloudformation.cross_stack import export_fault
from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.effects import effects_of
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.provision import Provisioner
from fake_aws.cloudformation.records import Stack, copied
from fake_aws.cloudformation.removal import delete_jobs, delete_resource, skip
from fake_aws.cloudformation.side_by_side import side_by_side
from fake_aws.cloudformation.template import read
from fake_aws.refusals import AwsRefusal, Unsupported

Waits = Generator[float, None, None]
_TRIED = frozenset({"CREATE_FAILED", "UPDATE_FAILED", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"})


def start(journal: Journal, operation: str, token: str | None, process: Callable[[], Waits]) -> None:
    """Begin an operation; it ends early when another one takes the stack over."""
    journal.begin(operation, token)
    journal.start(lambda: guarded(journal.stack, process()))


def guarded(stack: Stack, waits: Waits) -> Iterator[float]:
    """Go on with the operation that the stack has just begun, until another takes the stack over."""
    epoch = stack.epoch
    for wait in waits:
        yield wait
        if stack.epoch != epoch:
            return


def _stopped(stack: Stack) -> Callable[[], bool]:
    return lambda: stack.cancelled


def failed_text(stack: Stack) -> str:
    """Return CloudFormation's sentences about the resources that failed, the cancelled ones included."""
    text = ""
    for verb in ("create", "import", "update", "delete"):
        ids = sorted(lid for lid, each in stack.resources.items() if each.status == f"{verb.upper()}_FAILED")
        if ids:
            text += f"The following resource(s) failed to {verb}: [{', '.join(ids)}]. "
    return text


def create(journal: Journal, desired: Deployment, *, on_failure: str) -> Waits:
    """Create the stack's resources; `on_failure` is ROLLBACK, DO_NOTHING or DELETE."""
    stack = journal.stack
    stack.deployed, stack.description = desired, read(desired.body).description
    journal.become("CREATE_IN_PROGRESS", "User Initiated")
    yield journal.seconds("STACK")
    provisioner = Provisioner(journal, desired)
    failed = yield from side_by_side(provisioner.jobs(), stop=_stopped(stack))
    fault = None if failed else _export_fault(journal, provisioner)
    if not failed and fault is None:
        yield journal.seconds("STACK")
        _conclude(journal, provisioner)
        journal.become("CREATE_COMPLETE")
        return
    reason = failed_text(stack) or f"{fault} "
    if on_failure == "DO_NOTHING":
        journal.become("CREATE_FAILED", reason)
    elif on_failure == "DELETE":
        journal.become("DELETE_IN_PROGRESS", reason + "Delete requested by user.")
        yield from _delete_rest(journal, rolling_back=True)
    else:
        yield from roll_back(journal, reason + "Rollback requested by user.")


def roll_back_create(journal: Journal) -> Waits:
    """Delete what a failed creation made, and what updates added; the stack is in ROLLBACK_IN_PROGRESS already."""
    yield journal.seconds("STACK")
    yield from _delete_set_aside(journal)
    jobs = delete_jobs(journal, journal.stack.resources, rolling_back_create=True)
    failed = yield from side_by_side(jobs, stop=lambda: False, keep_going=True)
    yield journal.seconds("STACK")
    if failed:
        journal.become("ROLLBACK_FAILED", failed_text(journal.stack))
    else:
        journal.become("ROLLBACK_COMPLETE")


def update(journal: Journal, desired: Deployment, *, disable_rollback: bool) -> Waits:
    """Bring the stack to another template, parameters or tags."""
    stack = journal.stack
    why = yield from go_forward(journal, desired)
    if why is None:
        yield from clean_up(journal)
    elif disable_rollback and not stack.cancelled:
        stack.deployed = desired
        journal.become("UPDATE_FAILED", why or None)
    else:
        yield from roll_back(journal, why or None)


def go_forward(journal: Journal, desired: Deployment) -> Generator[float, None, str | None]:
    """Bring the stack's resources to a deployment; return None if only old ones are left then, else why it failed.

    A nested stack waits in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS until all of its root has got there.
    """
    stack = journal.stack
    if stack.status not in _TRIED:  # a retry still rolls back to the last good state, if any
        stack.before, stack.before_resources = stack.deployed, copied(stack.resources)
        stack.before_outputs = stack.outputs
    journal.become("UPDATE_IN_PROGRESS", "User Initiated")
    yield journal.seconds("STACK")
    provisioner = Provisioner(journal, desired)
    failed = yield from side_by_side(provisioner.jobs(), stop=_stopped(stack))
    fault = None if failed or stack.cancelled else _export_fault(journal, provisioner)
    if failed or stack.cancelled or fault is not None:
        return failed_text(stack) or fault or ""
    _conclude(journal, provisioner)
    journal.become("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    return None


def clean_up(journal: Journal) -> Waits:
    """Delete what an update replaced and removed; the stack is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS already."""
    stack = journal.stack
    yield journal.seconds("STACK")
    kept = yield from _clean_up(journal, Provisioner(journal, stack.deployed))
    stack.before, stack.before_resources = None, {}
    journal.become("UPDATE_COMPLETE", "One or more resources could not be deleted." if kept else None)


def _export_fault(journal: Journal, provisioner: Provisioner) -> str | None:
    state = journal.world.region(journal.account, journal.region).cloudformation
    return export_fault(journal.place, state, journal.stack, outputs(provisioner))


def _finish_children(journal: Journal) -> Waits:
    for each in list(journal.stack.resources.values()):
        yield from effects_of(journal.world, each.type).finishing(journal.world, journal.place, each)


def _conclude(journal: Journal, provisioner: Provisioner) -> None:
    """Take over the desired template and parameters, now that the resources are as it declares them."""
    stack = journal.stack
    stack.deployed, stack.description = provisioner.desired, provisioner.evaluator.template.description
    try:
        stack.outputs = outputs(provisioner)
    except AwsRefusal as refusal:
        raise Unsupported(f"an output of {stack.name} that cannot be had: {refusal.message}") from None
    for each in stack.resources.values():
        each.imported = None


def import_resources(journal: Journal, desired: Deployment) -> Waits:
    """Take over resources that stand already, or give all of them back."""
    stack = journal.stack
    before = frozenset(stack.resources)
    journal.become("IMPORT_IN_PROGRESS", "User Initiated")
    yield journal.seconds("STACK")
    provisioner = Provisioner(journal, desired)
    failed = yield from side_by_side(provisioner.jobs(), stop=_stopped(stack))
    if not failed:
        yield journal.seconds("STACK")
        _conclude(journal, provisioner)
        journal.become("IMPORT_COMPLETE")
        return
    journal.become("IMPORT_ROLLBACK_IN_PROGRESS", failed_text(stack))
    yield journal.seconds("STACK")
    jobs = delete_jobs(journal, {lid: each for lid, each in stack.resources.items() if lid not in before})
    failed = yield from side_by_side(jobs, stop=lambda: False, keep_going=True)
    stack.resources = {lid: each for lid, each in stack.resources.items() if lid in before or each.exists}
    journal.become("IMPORT_ROLLBACK_FAILED" if failed else "IMPORT_ROLLBACK_COMPLETE")


def _clean_up(journal: Journal, provisioner: Provisioner) -> Generator[float, None, bool]:
    stack, kept = journal.stack, False
    yield from _finish_children(journal)
    replaced, stack.replaced = stack.replaced, []
    for old in replaced:
        policy = stack.resources[old.logical_id].declared.get("UpdateReplacePolicy", "Delete")
        if policy == "Delete":
            old.declared = {**old.declared, "DeletionPolicy": "Delete"}
            kept |= not (yield from delete_resource(journal, old))
        else:
            skip(journal, old)
    desired = set(provisioner.desired_ids())
    gone = {lid: each for lid, each in stack.resources.items() if lid not in desired}
    failed = yield from side_by_side(delete_jobs(journal, gone), stop=lambda: False, keep_going=True)
    for lid in gone:
        del stack.resources[lid]
    return kept or bool(failed)


def roll_back(journal: Journal, why: str | None) -> Waits:
    """Bring a failed stack back to its last stable state, or to nothing if it never had one."""
    if journal.stack.before is None:
        journal.become("ROLLBACK_IN_PROGRESS", why)
        yield from roll_back_create(journal)
    else:
        journal.become("UPDATE_ROLLBACK_IN_PROGRESS", why)
        yield from roll_back_update(journal)


def roll_back_update(journal: Journal, skip: frozenset[str] = frozenset()) -> Waits:
    """Bring the stack back to `before`; it is in UPDATE_ROLLBACK_IN_PROGRESS already."""
    if (yield from go_back(journal, skip)):
        yield from clean_up_rollback(journal)


def go_back(journal: Journal, skip: frozenset[str] = frozenset()) -> Generator[float, None, bool]:
    """Make of the resources what they were, and return whether that went well: then only new ones are left."""
    stack = journal.stack
    if stack.before is None:
        raise AssertionError("nothing to roll back to")
    yield journal.seconds("STACK")
    while stack.replaced:
        old = stack.replaced.pop()
        stack.leftovers.append(stack.resources[old.logical_id])
        stack.resources[old.logical_id] = old
    for lid in skip:
        journal.resource(stack.resources[lid], "UPDATE_COMPLETE")
        stack.resources[lid].properties = stack.before_resources[lid].properties
    jobs = Provisioner(journal, stack.before, way_back=True).jobs()
    failed = yield from side_by_side(jobs, stop=lambda: False)
    if failed:
        journal.become("UPDATE_ROLLBACK_FAILED", failed_text(stack))
        return False
    stack.deployed, stack.outputs = stack.before, stack.before_outputs
    stack.description = read(stack.deployed.body).description
    journal.become("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    return True


def clean_up_rollback(journal: Journal) -> Waits:
    """Delete what a failed update made; the stack is in UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS already."""
    stack = journal.stack
    yield journal.seconds("STACK")
    yield from _finish_children(journal)
    yield from _delete_leftovers(journal)
    stack.before, stack.before_resources = None, {}
    journal.become("UPDATE_ROLLBACK_COMPLETE")


def _delete_leftovers(journal: Journal) -> Waits:
    """Delete what the failed update made new, and forget what it could not make."""
    stack = journal.stack
    for lid in [lid for lid in stack.resources if lid not in stack.before_resources]:
        stack.leftovers.append(stack.resources.pop(lid))
    while stack.leftovers:
        each = stack.leftovers.pop(0)
        if each.exists:
            yield from delete_resource(journal, each, rolling_back_create=True)


def delete(journal: Journal, *, retain: frozenset[str], force: bool, rolling_back: bool = False) -> Waits:
    """Delete the stack; `retain` and `force` leave behind what cannot be deleted."""
    journal.become("DELETE_IN_PROGRESS", "User Initiated")
    state = journal.world.region(journal.account, journal.region).cloudformation
    if fault := export_fault(journal.place, state, journal.stack, []):
        journal.become("DELETE_FAILED", f"Delete canceled. {fault}")
        return
    yield from _delete_rest(journal, rolling_back=rolling_back, retain=retain, force=force)


def _delete_rest(
    journal: Journal, *, rolling_back: bool = False, retain: frozenset[str] = frozenset(), force: bool = False
) -> Waits:
    stack = journal.stack
    yield journal.seconds("STACK")
    for lid in sorted(retain):
        skip(journal, stack.resources[lid])
    yield from _delete_set_aside(journal)
    jobs = delete_jobs(journal, stack.resources, rolling_back_create=rolling_back)
    failed = yield from side_by_side(jobs, stop=lambda: False, keep_going=True)
    if failed and force:
        for lid in failed:
            skip(journal, stack.resources[lid])
        failed = []
    yield journal.seconds("STACK")
    if failed:
        journal.become("DELETE_FAILED", failed_text(stack))
        return
    stack.outputs, stack.change_sets = [], {}
    journal.become("DELETE_COMPLETE")


def _delete_set_aside(journal: Journal) -> Waits:
    stack = journal.stack
    for each in [*stack.replaced, *stack.leftovers]:
        yield from delete_resource(journal, each)
    stack.replaced, stack.leftovers = [], []


def outputs(provisioner: Provisioner) -> list[dict[str, str]]:
    """Return the stack's outputs as DescribeStacks shows them."""
    evaluator, rows = provisioner.evaluator, []
    for key, output in sorted(evaluator.template.outputs.items()):
        if evaluator.has(output):
            shown = {"OutputKey": key, "OutputValue": str(evaluator.value(output["Value"]))}
            if "Description" in output:
                shown["Description"] = output["Description"]
            if "Export" in output:
                shown["ExportName"] = str(evaluator.value(output["Export"]["Name"]))
            rows.append(shown)
    return rows
