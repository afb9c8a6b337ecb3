"""Plans and outcomes as text for a terminal or a pipe; pure. The styles show on a terminal only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from rich.style import Style
from rich.text import Text

from builder.deploy import FoundStacks, StackContents
from builder.deploy.delete.prune import Pruning
from builder.deploy.execute.halted import FailedResource, Recovery
from builder.deploy.progress import Cancelled, Done, InProgress, Outcome, ReviewRequired, StackFailed, Superseded
from builder.deploy.records import Plan, PostponedStack, ResourceChange, StackResource
from builder.report.review import Entry, definition_lines, fate, is_lost, make_entries, make_ranks, make_tally, sign
from builder.report.screen import one_line, printable
from builder.resource_types import BUCKET, KEYS
from builder.resource_types.facts import UNKNOWN, holds_data, is_unknown
from builder.terms import counted

_VALUE_WIDTH = 60
# The most unchanged stacks that are named.
_LISTED = 12
_OPENS = 20
_STYLES = {
    **dict.fromkeys(("delete", "remove", "replace"), "bold red"),
    "update": "yellow",
    **dict.fromkeys(("create", "upload"), "green"),
}
_Line = Text | str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How much of a plan is shown, and how."""

    full: bool = False
    """Whether the properties of every created resource are shown too."""
    links: Literal["in titles", "in a list"] = "in a list"
    """Whether there are links into the CloudFormation console: behind the stacks' titles on a terminal that follows
    links, in a numbered list at the end elsewhere."""
    stops: int | None = None
    """How many of the guard hits are shown; None for all."""


def plan_text(shown: Plan, view: View = View()) -> Text:
    """Return a plan by rank, the riskiest change first; links, openings and guard hits come last."""
    blocks: list[list[_Line]] = [[_head(shown)]]
    if shown.is_empty:
        blocks.append([f"No changes: {_all(len(shown.unchanged))}."])
    entries = make_entries(shown)
    numbers = _numbers(entries) if view.links == "in a list" else {}
    for rank, ranked in make_ranks(entries):
        blocks.append([Text(f"{rank} ({len(ranked)})", style="bold underline")])
        blocks += [list(_entry(entry, view, numbers.get(entry.place))) for entry in ranked]
    blocks += _left_as_they_are(shown)
    if numbers:
        links = {number: entry.console for entry in entries if (number := numbers.get(entry.place))}
        blocks.append(["in the CloudFormation console:", *(f"  [{number}] {link}" for number, link in links.items())])
    if opens := [f"  {entry.title}/{sentence}" for entry in entries for sentence in entry.opens]:
        more = [f"  and {len(opens) - _OPENS} more, above"] if len(opens) > _OPENS else []
        blocks.append([Text("opens to the world:", style="bold red"), *map(printable, opens[:_OPENS]), *more])
    if stops := list(_stops(shown, view.stops)):
        blocks.append([Text("stops until allowed by name:", style="bold red"), *stops])
    blocks += _unfilled(shown)
    if not shown.is_empty:
        blocks.append([Text(str(make_tally(shown)), style="bold")])
    return Text("\n\n").join(
        Text("\n").join(Text(line) if isinstance(line, str) else line for line in block) for block in blocks
    )


def _left_as_they_are(shown: Plan) -> Iterator[list[_Line]]:
    """Yield the stacks to which a plan does nothing, a block for each reason."""
    if shown.unchanged and not shown.is_empty:
        yield [Text(f"unchanged: {_listed(shown.unchanged)}", style="dim")]
    if shown.left_out:
        yield [f"in a skipped region, left out: {_listed(shown.left_out)}"]
    if shown.postponed:
        yield [postponed_text(shown.postponed)]
    if shown.orphans:
        yield [f"not in the assembly any more, left alone: {_listed([orphan.stack for orphan in shown.orphans])}"]


def postponed_text(postponed: Iterable[PostponedStack]) -> str:
    """Return the stacks that wait for a skipped region, each with what of its work depends on it."""
    lines = ["postponed until the skipped region answers again:"]
    for waiting in postponed:
        lines += [f"  {waiting.stack}", *(f"    {reason}" for reason in waiting.because)]
    return printable("\n".join(lines))


BACKFILL = "afterwards: python -m builder backfill    counts what the others lack, and replicates it"


def _unfilled(shown: Plan) -> Iterator[list[_Line]]:
    if places := unfilled(shown):
        note = f"new rules do not replicate what is there already: {', '.join(places)}"
        yield [Text(note, style="yellow"), f"  {BACKFILL}"]


def unfilled(shown: Plan) -> tuple[str, ...]:
    """Return existing buckets that get rules by a plan, `us-east-1/storage/Bucket`: a rule is for later objects."""
    created = {change_set.stack for change_set in shown.change_sets if change_set.type == "CREATE"}
    return tuple(
        dict.fromkeys(
            f"{change_set.stack}/{change.logical_id}"
            for change_set in shown.change_sets
            for change in change_set.changes
            if change_set.stack not in created and _gets_rules(change)
        )
    )


def _gets_rules(change: ResourceChange) -> bool:
    touched = [property_ for property_ in change.properties if "ReplicationConfiguration" in property_.path]
    goes = bool(touched) and all(property_.after is None and property_.before is not None for property_ in touched)
    return change.type == BUCKET and change.action == "Modify" and bool(touched) and not goes


def outcomes_text(ended: Sequence[Outcome]) -> Text:
    """Return one line for each step that failed or did not run, and a summary line."""
    counts = Counter(type(outcome) for outcome in ended)
    last = f"{counts[Done]} done, {counts[StackFailed]} failed, {counts[Cancelled]} not started"
    more = ((Superseded, "superseded"), (InProgress, "in progress"), (ReviewRequired, "to review"))
    last += "".join(f", {counts[kind]} {words}" for kind, words in more if counts[kind])
    style = "bold red" if counts[StackFailed] else "bold" if len(ended) > counts[Done] else "bold green"
    lines = [_outcome(outcome) for outcome in ended if not isinstance(outcome, Done)]
    return Text("\n").join([*lines, Text(last, style=style)])


def _listed(stacks: Sequence[str]) -> str:
    more = len(stacks) - _LISTED
    return ", ".join(stacks[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _head(shown: Plan) -> Text:
    return Text.assemble(
        "plan ", (shown.id, "bold"), " of ", (shown.deployment, "bold"), f" in account {shown.account}"
    )


def _stops(shown: Plan, most: int | None) -> Iterator[_Line]:
    for hit in shown.guards[:most]:
        yield Text.assemble(("  --allow ", "bold"), (hit.allow, "bold"), f"    {printable(hit.why)}")
    if more := len(shown.guards[len(shown.guards) if most is None else most :]):
        yield f"  and {more} more, which --json and the plan's file name"
    for pending in shown.pending:
        why = f"another change set waits for review there and would be deleted: {pending.change_set}"
        yield Text.assemble(("  --allow ", "bold"), (pending.allow, "bold"), f"    {why}")


def _numbers(entries: Sequence[Entry]) -> Mapping[int, int]:
    """Return the number of each entry's link, by its place: in the order in which they are shown."""
    shown = [entry.place for _, ranked in make_ranks(entries) for entry in ranked if entry.console]
    return {place: number for number, place in enumerate(shown, start=1)}


def _all(count: int) -> str:
    return "its only stack is as it should be" if count == 1 else f"all {count} stacks are as they should be"


def _entry(entry: Entry, view: View, number: int | None) -> Iterator[_Line]:
    later = ", later" if entry.is_later else ""
    link = entry.console if view.links == "in titles" and entry.console else None
    yield Text.assemble(
        (entry.title, Style(bold=True, link=link)),
        (f" [{number}]" if number else "", "dim"),
        "  ",
        (f"{entry.does}{later}", _STYLES[entry.does]),
        f"  ({entry.name})",
    )
    if entry.remark:
        yield f"  {printable(entry.remark)}"
    for change in entry.changes:
        yield from change_lines(change, full=view.full)
    for finding in entry.findings:
        yield Text(f"  validation: {printable(finding)}", style="yellow")


def change_lines(change: ResourceChange, *, full: bool = False) -> Iterator[Text | str]:
    """Yield a resource's change: its line, then its properties, losses and warnings.

    `full` also yields all properties of a created resource.
    """
    style = "red" if is_lost(change) else "green" if change.action == "Add" else "yellow"
    # The sign alone does not distinguish these.
    needs_words = change.is_replaced or change.is_moved or change.action in {"Dynamic", "Import"}
    words = f"  {printable(fate(change))}" if needs_words else ""
    bold = "bold red" if is_lost(change) else "bold"
    yield Text.assemble((f"  {sign(change)} {change.logical_id}", style), f"  {change.type}", (words, bold))
    for touched in change.values:
        values = "" if touched.before == touched.after else f": {_short(touched.before)} -> {_short(touched.after)}"
        yield f"      {printable(touched.path)}{values}"
    if full:
        yield from (f"      {printable(line)}" for line in definition_lines(change))
    for sentence in change.opens:
        yield Text(f"      opens: {printable(sentence)}", style="bold red")
    for loss in change.losses:
        yield Text(f"      loses {loss}", style="bold red")
    for warning in change.warnings:
        yield Text(f"      warning: {warning}", style="yellow")


def _short(value: str | None) -> str:
    return "(none)" if value is None else one_line(value, _VALUE_WIDTH)


def _outcome(outcome: StackFailed | Cancelled | InProgress | Superseded | ReviewRequired) -> Text:
    link = ""
    match outcome:
        case StackFailed(stack=stack, status=status, resource=resource, reason=reason):
            what = f"{status or 'failed'}: {f'{resource}: ' if resource else ''}{reason}"
        case Cancelled(stack=stack, because=because):
            what = f"not started: {because}"
        case InProgress(stack=stack, because=because):
            what = f"in progress: {because}"
        case Superseded(stack=stack, by=by):
            what = f"superseded: {by}"
        case ReviewRequired(stack=stack, step=step, beyond=beyond):
            lines = "".join(f"\n    {line}" for line in beyond)
            what = f"its change set shows more than was expected, and waits for review:{lines}"
            stack, link = step.stack, step.console
        case _:
            assert_never(outcome)
    style = "red" if isinstance(outcome, StackFailed) else "yellow"
    return Text.assemble((stack, Style(bold=True, link=link or None)), ": ", (printable(what), style))


def recoveries_text(recoveries: Sequence[Recovery]) -> str:
    """Return a block for each stack: what is done, what failed, what may be skipped and what that means."""
    return "\n\n".join("\n".join(_recovery(entry)) for entry in recoveries) + "\n"


def _recovery(recovery: Recovery) -> Iterator[str]:
    is_paused = recovery.observed.status == "UPDATE_FAILED"
    does = "is rolled back" if is_paused else "goes on with its rollback"
    reason = f": {recovery.observed.status_reason}" if recovery.observed.status_reason else ""
    yield f"  {recovery.stack}  {does}  ({recovery.observed.name}, {recovery.observed.status}{reason})"
    for failed in recovery.failed:
        yield f"    ! {failed.logical_id}  {failed.type}: {failed.reason or 'no reason given'}"
        if not is_paused:
            yield f"        {_skipping(failed)}"
    for created in recovery.created:
        mark = "=" if created.policy_action == "Retain" else "-"
        yield f"    {mark} {created.logical_id}  {created.type}: made by the failed update, {_rolled_back(created)}"


def _rolled_back(created: StackResource) -> str:
    """Return what the rollback does with a resource that the failed update created."""
    match created.policy_action:
        case "Retain":
            return "retained: it stays, and no stack updates or deletes it any more"
        case "Snapshot":
            return "deleted once a snapshot of it is taken"
        case "Delete":
            return f"deleted{_data(created.type)}"
        case _:
            return f"deleted{_data(created.type)} unless its DeletionPolicy, which nobody can tell, retains it"


def _skipping(failed: FailedResource) -> str:
    if not failed.may_be_skipped:
        return "not skipped"
    return (
        f"skipped if it fails again: it stays as it is{_data(failed.type)}, though CloudFormation takes it for rolled"
        " back from then on"
    )


def _data(type_name: str) -> str:
    if is_unknown(type_name):
        return f" with {UNKNOWN}"
    return " with all its data" if holds_data(type_name) else ""


def leftovers_text(pruning: Pruning) -> str:
    """Return a line for each object to be deleted, and the number of those that stay."""
    lines = [
        f"{leftover.place.text}  {leftover.size:,} bytes in {counted(len(leftover.versions), 'version')}"
        for leftover in pruning.leftovers
    ]
    young = f", and {pruning.young} are not, and younger than a day" if pruning.young else ""
    total = f"{counted(len(lines), 'object')} of no use to anything; {pruning.named} are named{young}"
    return "\n".join([*lines, total])


def retained_text(stacks: Iterable[StackContents]) -> str:
    """Return a line for the retained data of each stack: whether it is deleted, and where it is."""
    lines = []
    for data in (data for stack in stacks for data in stack.kept):
        goes = any(data in stack.deleted for stack in stacks)
        what = "is deleted too" if goes else "stays"
        lines.append(f"{what}: {data.physical_id}  {data.type} of {data.stack}, in {', '.join(data.regions)}")
    if any(line.startswith("stays") for line in lines):
        lines.append("--delete-retained NAME deletes what stays, and only as long as its stack is there")
    return "\n".join(lines)


def waiting_text(stacks: Iterable[StackContents]) -> str:
    """Return a line for each key that is deleted with its stack: KMS deletes it days later."""
    return "".join(f"{stack.id}  {name}  {kind}: {_WAITS}\n" for stack, kind, name in _waiting(stacks))


# https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
_WAITS = "KMS deletes it 7 to 30 days after its stack, and until then it can be had back"


def _waiting(stacks: Iterable[StackContents]) -> Iterator[tuple[StackContents, str, str]]:
    yield from ((stack, kind, name) for stack in stacks for kind, name in stack.going if kind in KEYS)


def left_text(deployment: str, before: Sequence[StackContents], after: FoundStacks) -> str:
    """Return the stacks that remain, what they retained by their templates, and the regions that were not read."""
    there = {stack.stack.arn for stack in after.stacks}
    lines = [f"{stack.id}  {stack.stack.name}  {stack.stack.status}" for stack in after.stacks]
    lines += [
        f"{stack.stack.region}  {name}  {kind}, left behind by {stack.id} as its template says"
        for stack in before
        if stack.stack.arn not in there
        for kind, name in stack.retained
        if (kind, name) not in stack.going
    ]
    lines += [
        f"{stack.stack.region}  {name}  {kind} of {stack.id}, which waits until KMS deletes it, 7 to 30 days; "
        f"to have it back: aws kms cancel-key-deletion --region {stack.stack.region} --key-id {name}"
        for stack, kind, name in _waiting(before)
        if stack.stack.arn not in there
    ]
    text = [f"left of {deployment}: {'nothing' if not lines else ''}".rstrip(), *(f"  {line}" for line in lines)]
    text += [f"not looked at: {where.site.region}: {where.because}" for where in after.unseen]
    return "\n".join(text)
