"""Plans, outcomes and findings as plain text; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, assert_never

from builder.deploy.outcome import Broke, Cancelled, Deviated, Done, Outcome, Overtaken
from builder.deploy.records import RISKS, Deferred, Deletion, Plan, ResourceChange, Step

if TYPE_CHECKING:
    from builder.assembly.lint import Finding

_SIGNS = {"Add": "+", "Remove": "-", "Import": "<", "Dynamic": "?", "SyncWithActual": "="}
_VALUE_WIDTH = 60


def plan(shown: Plan) -> str:
    """Return a plan, the riskiest change first, with console links."""
    head = f"Plan {shown.id} of {shown.deployment} in account {shown.account}"
    if shown.is_empty:
        return f"{head}\n\nNo changes: all {len(shown.unchanged)} stacks are as they should be.\n{_strays(shown)}"
    work: list[Step | Deferred] = [*shown.steps, *shown.deferred]
    blocks = [
        head,
        *(_deletion(deletion) for deletion in shown.deletions),
        *(_work(one) for one in sorted(work, key=lambda one: RISKS.index(one.risk))),
    ]
    if shown.unchanged:
        blocks.append(f"  unchanged: {', '.join(shown.unchanged)}")
    if shown.guards:
        blocks.append("\n".join(["  has to be allowed by name:", *_guards(shown)]))
    return "\n\n".join(blocks) + f"\n\n{_strays(shown)}{summary(shown)}\n"


def summary(shown: Plan) -> str:
    """Return `3 to create, 1 to update (1 replacement), 4 unchanged`."""
    work: list[Step | Deferred] = [*shown.steps, *shown.deferred]
    kinds = Counter(kind for _, kind in {(one.stack, one.type) for one in work})
    replacements = sum(one.risk == "replace" for one in work)
    removals = sum(one.risk == "remove" for one in work)
    worst = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for count, word in ((replacements, "replacement"), (removals, "removal"))
        if count
    ]
    updates = f"{kinds['UPDATE']} to update" + (f" ({', '.join(worst)})" if worst else "")
    deletions = f"{len(shown.deletions)} to delete, " if shown.deletions else ""
    return f"{kinds['CREATE']} to create, {updates}, {deletions}{len(shown.unchanged)} unchanged"


def outcomes(ended: Sequence[Outcome]) -> str:
    """Return one line for each step that did not end well, and a summary line."""
    lines = [_outcome(outcome) for outcome in ended if not isinstance(outcome, Done)]
    counts = Counter(type(outcome) for outcome in ended)
    last = f"{counts[Done]} done, {counts[Broke]} failed, {counts[Cancelled] + counts[Overtaken]} not started"
    if counts[Deviated]:
        last += f", {counts[Deviated]} to review"
    return "\n".join([*lines, last]) + "\n"


def findings(found: Sequence["Finding"]) -> str:
    """Return one line for each finding: where, which rule, what."""
    lines = [f"{f.file}:{f.line}:{f.column}: {f.rule} {f.message}" for f in found]
    return "\n".join([*lines, f"{len(found)} findings" if found else "no findings"]) + "\n"


def _strays(shown: Plan) -> str:
    lines = [f"  in a skipped region, left out: {stack}" for stack in shown.left_out]
    lines += [f"  not in the assembly any more, left alone: {orphan.stack}" for orphan in shown.orphans]
    lines += [
        f"  {pending.stack}: another change set waits for review and would be deleted: {pending.change_set}\n"
        f"    --allow {pending.allow}"
        for pending in shown.pending
    ]
    return "".join(f"{line}\n" for line in lines) + ("\n" if lines else "")


def _guards(shown: Plan) -> list[str]:
    return [f"    --allow {trip.allow}    {trip.why}" for trip in shown.guards]


def _deletion(deletion: Deletion) -> str:
    lines = [f"  {deletion.stack}  delete  ({deletion.name}): {deletion.because}"]
    lines += [f"    - {one.logical_id}  {one.type}" for one in deletion.resources]
    return "\n".join(lines)


def _work(one: Step | Deferred) -> str:
    if isinstance(one, Step):
        lines = [f"  {one.stack}  {one.risk}  ({one.name})", f"    {one.console}"]
    else:
        lines = [
            f"  {one.stack}  {one.risk}, later  ({one.desired.name})",
            f"    made when its needs are done: {one.because}",
        ]
        if one.part > 1:
            lines[1] = f"    change set {one.part} of this stack: {one.because}"
    lines += [line for change in one.changes for line in _change(change)]
    if not one.changes:
        lines.append("    outputs only" if isinstance(one, Step) else "    no changes are expected")
    lines += [f"    validation: {finding}" for finding in one.findings]
    return "\n".join(lines)


def _change(change: ResourceChange) -> Iterable[str]:
    replaced = {"True": "  REPLACED", "Conditional": "  may be REPLACED"}.get(change.replacement or "", "")
    yield f"    {_SIGNS.get(change.action, '~')} {change.logical_id}  {change.type}{replaced}"
    for touched in change.properties:
        values = "" if touched.before == touched.after else f": {_short(touched.before)} -> {_short(touched.after)}"
        yield f"        {touched.path}{values}"
    yield from (f"        loses {loss}" for loss in change.losses)
    yield from (f"        warning: {warning}" for warning in change.warnings)


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
        case Deviated(stack=stack, step=step, beyond=beyond):
            told = "".join(f"\n    {line}" for line in beyond)
            return (
                f"{stack}: its change set shows more than was expected, and waits for review:{told}\n    {step.console}"
            )
    assert_never(outcome)
