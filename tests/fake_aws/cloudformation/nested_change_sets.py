"""Change sets of a hierarchy of stacks: one for each child, made, executed and deleted with the root's.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html and reports of it (SPEC.md)
"""

import string
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

from fake_aws.cloudformation.changes import Differ, in_order
from fake_aws.cloudformation.deployments import Deployment, PlannedChild
from fake_aws.cloudformation.intrinsics import KNOWN_AFTER_APPLY, Unresolved, causes
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.nested import Parent, child_deployment
from fake_aws.cloudformation.records import ChangeSet, Stack
from fake_aws.cloudformation.template import read
from fake_aws.cloudformation.types import STACK_TYPE, physical_id
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal

Make = Callable[[Journal, ChangeSet], Iterator[float]]
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
NO_UPDATES = "No updates are to be performed."


def differ(book: Journal, change_set: ChangeSet) -> Differ:
    """Return what compares the stack with what the change set wants of it."""
    stack, desired = book.stack, change_set.desired
    before = stack.deployed.parameters
    moved = frozenset(
        key
        for key, value in desired.parameters.items()
        if before.get(key, value) != value and not isinstance(value, Unresolved)
    )

    def exported(name: str) -> str:
        value = book.exported(name)
        if value is None:
            change_set.missing_exports += [] if name in change_set.missing_exports else [name]
            return Unresolved(KNOWN_AFTER_APPLY, frozenset())
        return value

    evaluator = book.evaluator(desired, lambda *names: made.lookup(*names), exported)  # noqa: PLW0108  they need each other
    made = Differ(evaluator, stack.resources, desired.tags, moved, book.now if desired.reverts_drift else None)
    if change_set.nested:
        made.children = desired.children
        made.names_empty_children = book.world.quirks.unchanged_child_rows_name_their_change_set
    return made


def make_children(book: Journal, change_set: ChangeSet, make: Make) -> Generator[float, None, str | None]:
    """Make a change set for each nested stack that the template has; return why the parent's cannot be made."""
    template = read(change_set.desired.body)
    for logical_id in in_order(differ(book, change_set).evaluator):
        declared = template.resources[logical_id]
        looked = differ(book, change_set)
        if declared["Type"] != STACK_TYPE or not looked.evaluator.has(declared):
            continue
        try:
            looked.changes()
            child, made = _new(book, change_set, logical_id, looked)
        except AwsRefusal as refusal:
            return refusal.message
        yield from make(Journal(book.world, book.account, book.region, child), made)
        unchanged = made.reason is not None and made.reason.startswith((NO_CHANGES, NO_UPDATES))
        change_set.desired.children[logical_id] = PlannedChild(child.id, made.id, not unchanged)
        if made.status == "FAILED" and not unchanged:
            return f"Nested change set {made.id} was not successfully created: Currently in FAILED."
    return None


def _new(book: Journal, above: ChangeSet, logical_id: str, looked: Differ) -> tuple[Stack, ChangeSet]:
    """Return a child, in review where it is new, with its change set, which is made from here on."""
    parent = Parent(book.world, book.account, book.region, book.stack)
    present = book.stack.resources.get(logical_id)
    there = parent.child(present) if present is not None and present.good else None
    if there is not None and there.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}:
        raise AwsRefusal("ValidationError", f"Stack:{there.id} is in {there.status} state and can not be updated.")
    reason, desired = None, Deployment("", {}, {}, above.desired.capabilities)
    try:
        desired = _desired(parent, above, logical_id, looked)
    except AwsRefusal as refusal:
        reason = refusal.message
    child = there or _in_review(parent, logical_id, desired)
    suffix = _suffix(book)
    name = f"{above.name[: 126 - len(logical_id) - len(suffix)]}-{logical_id}-{suffix}"
    number = book.world.new_uuid()
    made = ChangeSet(
        name=name,
        id=f"arn:aws:cloudformation:{book.region}:{book.account}:changeSet/{name}/{number}",
        type="CREATE" if there is None else "UPDATE",
        created=book.now,
        desired=desired,
        client_token=None,
        operation_id=book.world.new_uuid(),
        deployment_config=above.deployment_config,
        options={"IncludeNestedStacks": True},
        parent_id=above.id,
        root_id=above.root_id or above.id,
        reason=reason,
    )
    child.change_sets[made.id] = made
    if there is None and book.world.quirks.review_shows_change_set_id:
        child.change_set_id = made.id
    return child, made


def _desired(parent: Parent, above: ChangeSet, logical_id: str, looked: Differ) -> Deployment:
    declared = looked.evaluator.template.resources[logical_id]
    evaluator = looked.evaluator
    if parent.world.quirks.sibling_outputs_are_unknown:
        evaluator = replace(evaluator, lookup=lambda *names: _unless_of_a_sibling(looked, *names))
    properties = evaluator.value(declared.get("Properties", {}))
    given = {key: _unknown(key, value) for key, value in properties.get("Parameters", {}).items()}
    made = child_deployment(parent, {**properties, "Parameters": given}, above.desired.tags, above.desired)
    return replace(made, imports={}, children={})


def _unless_of_a_sibling(looked: Differ, logical_id: str, attribute: str | None) -> Json:
    of_a_stack = looked.evaluator.template.resources[logical_id]["Type"] == STACK_TYPE
    if of_a_stack and attribute is not None:
        return Unresolved(KNOWN_AFTER_APPLY, frozenset({f"{logical_id}.{attribute}"}))
    return looked.lookup(logical_id, attribute)


def _unknown(key: str, value: Json) -> Json:
    """Return a parameter's value; what is not known of it yet, the child knows as its parameter."""
    if not causes(value):
        return value
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return Unresolved(text, frozenset({key}))


def _in_review(parent: Parent, logical_id: str, desired: Deployment) -> Stack:
    book = parent.journal(parent.stack)
    child = parent.new_child(physical_id(STACK_TYPE, book.place, logical_id, {}, _suffix(book)), "REVIEW_IN_PROGRESS")
    if parent.world.quirks.review_shows_tags:
        child.deployed.tags = desired.tags
    own = parent.journal(child)
    own.begin("CREATE_CHANGESET", None)
    own.become("REVIEW_IN_PROGRESS", "User Initiated")
    return child


def _suffix(book: Journal) -> str:
    return "".join(book.world.random.choices(string.ascii_uppercase + string.digits, k=12))


def below(stacks: dict[str, Stack], root: ChangeSet) -> list[tuple[Stack, ChangeSet]]:
    """Return the change sets that were made for a root's, with their stacks."""
    return [
        (stack, each) for stack in stacks.values() for each in stack.change_sets.values() if each.root_id == root.id
    ]


def delete_hierarchy(book: Journal, root: ChangeSet) -> Iterator[float]:
    """Delete a root's change set with those below it, and the stacks that only they brought into being."""
    parent = Parent(book.world, book.account, book.region, book.stack)
    seconds = book.seconds("DELETE_CHANGE_SET")
    _all_become(parent, root, "DELETE_PENDING")
    yield seconds * 0.25
    _all_become(parent, root, "DELETE_IN_PROGRESS")
    yield seconds * 0.5
    reason = book.world.script.change_set_deletion_failure(book.at)
    if reason is not None:
        root.status, root.reason = "DELETE_FAILED", reason
        return
    for child, made in below(parent.stacks, root):
        del child.change_sets[made.id]
        if child.status == "REVIEW_IN_PROGRESS":
            forget(parent.journal(child))
    root.status = "DELETE_COMPLETE"
    yield seconds * 0.25
    book.stack.change_sets.pop(root.id, None)


def _all_become(parent: Parent, root: ChangeSet, status: str) -> None:
    for each in [root, *(made for _, made in below(parent.stacks, root))]:
        each.status, each.execution_status = status, "UNAVAILABLE"


def forget(book: Journal) -> None:
    """Delete a stack that waits in review, of which nothing was made."""
    book.begin("DELETE_STACK", None)
    book.become("DELETE_IN_PROGRESS")
    book.stack.change_sets = {}
    book.become("DELETE_COMPLETE")


def forget_others(parent: Parent, executed: ChangeSet) -> None:
    """Delete the change sets that were made for others of the stack, and the children that only they brought about."""
    for other in parent.stack.change_sets.values():
        for child, made in below(parent.stacks, other) if other is not executed else ():
            del child.change_sets[made.id]
            if child.status == "REVIEW_IN_PROGRESS":
                forget(parent.journal(child))


def begin_execution(stacks: dict[str, Stack], root: ChangeSet) -> list[ChangeSet]:
    """Let each child's change set be under execution with its root's; those without changes stay as they are."""
    under_way = []
    for child, made in below(stacks, root):
        if made.status == "CREATE_COMPLETE":
            child.change_sets = {made.id: made}
            child.change_set_id = made.id
            made.execution_status = "EXECUTE_IN_PROGRESS"
            under_way.append(made)
    return under_way


def end_execution(book: Journal, root: ChangeSet) -> None:
    """Say of each child's change set what became of its root's; a child that was never begun goes."""
    parent = Parent(book.world, book.account, book.region, book.stack)
    for child, made in below(parent.stacks, root):
        if made.execution_status == "EXECUTE_IN_PROGRESS":
            made.execution_status = root.execution_status
        if child.status == "REVIEW_IN_PROGRESS":
            forget(parent.journal(child))
