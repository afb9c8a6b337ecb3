"""Plans and outcomes as plain text; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import assert_never

from builder.deploy.records import RISKS, Broke, Cancelled, Done, Outcome, Overtaken, Plan, ResourceChange, Step

_SIGNS = {"Add": "+", "Remove": "-", "Import": "<", "Dynamic": "?", "SyncWithActual": "="}
_VALUE_WIDTH = 60


def plan(shown: Plan) -> str:
    """Return a plan, the riskiest change first, with console links."""
    head = f"Plan {shown.id} of {shown.deployment} in account {shown.account}"
    if not shown.steps:
        return f"{head}\n\nNo changes: all {len(shown.unchanged)} stacks are as they should be.\n{_strays(shown)}"
    steps = sorted(shown.steps, key=lambda step: RISKS.index(step.risk))
    blocks = [head, *(_step(step) for step in steps)]
    if shown.unchanged:
        blocks.append(f"  unchanged: {', '.join(shown.unchanged)}")
    return "\n\n".join(blocks) + f"\n\n{_strays(shown)}{summary(shown)}\n"


def summary(shown: Plan) -> str:
    """Return `3 to create, 1 to update (1 replacement), 4 unchanged`."""
    kinds = Counter(step.type for step in shown.steps)
    replacements = sum(step.risk == "replace" for step in shown.steps)
    removals = sum(step.risk == "remove" for step in shown.steps)
    worst = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for count, word in ((replacements, "replacement"), (removals, "removal"))
        if count
    ]
    updates = f"{kinds['UPDATE']} to update" + (f" ({', '.join(worst)})" if worst else "")
    return f"{kinds['CREATE']} to create, {updates}, {len(shown.unchanged)} unchanged"


def outcomes(ended: Sequence[Outcome]) -> str:
    """Return one line for each step that did not end well, and a summary line."""
    lines = [_outcome(outcome) for outcome in ended if not isinstance(outcome, Done)]
    counts = Counter(type(outcome) for outcome in ended)
    last = f"{counts[Done]} done, {counts[Broke]} failed, {counts[Cancelled] + counts[Overtaken]} not started"
    return "\n".join([*lines, last]) + "\n"


def _strays(shown: Plan) -> str:
    lines = [f"  not in the assembly any more, left alone: {orphan}" for orphan in shown.orphans]
    lines += [
        f"  {pending.stack}: another change set waits for review and would be deleted: {pending.change_set}"
        for pending in shown.pending
    ]
    return "".join(f"{line}\n" for line in lines) + ("\n" if lines else "")


def _step(step: Step) -> str:
    lines = [f"  {step.stack}  {step.risk}  ({step.name})", f"    {step.console}"]
    lines += [line for change in step.changes for line in _change(change)]
    if not step.changes:
        lines.append("    outputs only")
    lines += [f"    validation: {finding}" for finding in step.findings]
    return "\n".join(lines)


def _change(change: ResourceChange) -> Iterable[str]:
    replaced = {"True": "  REPLACED", "Conditional": "  may be REPLACED"}.get(change.replacement or "", "")
    yield f"    {_SIGNS.get(change.action, '~')} {change.logical_id}  {change.type}{replaced}"
    for touched in change.properties:
        values = "" if touched.before == touched.after else f": {_short(touched.before)} -> {_short(touched.after)}"
        yield f"        {touched.path}{values}"


def _short(value: str | None) -> str:
    if value is None:
        return "(none)"
    line = " ".join(value.split())
    return line if len(line) <= _VALUE_WIDTH else f"{line[:_VALUE_WIDTH]}…"


def _outcome(outcome: Outcome) -> str:
    match outcome:
        case Done(stack=stack, status=status):
            return f"{stack}: {status}"
        case Broke(stack=stack, status=status, resource=resource, reason=reason):
            return f"{stack}: {status or 'failed'}: {f'{resource}: ' if resource else ''}{reason}"
        case Cancelled(stack=stack, because=because):
            return f"{stack}: not started: {because}"
        case Overtaken(stack=stack, by=by):
            return f"{stack}: not started: {by}"
    assert_never(outcome)
