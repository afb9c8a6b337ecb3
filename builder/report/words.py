"""What each progress record says, for people; pure."""

from typing import assert_never

from builder.deploy import progress as said
from builder.fleet.progress import FleetProgress, InstanceFailed, SetProgress
from builder.report.screen import one_line
from builder.terms import counted

_RUNS = {"plan": "planning", "execute": "executing", "destroy": "destroying"}
# A reason of AWS's; it is told in full when everything has ended.
_REASON_WIDTH = 300
# Of what a pattern lets pass; --json has all of it.
_NAMED = 20
_End = said.Planned | said.Unchanged | said.Finished | said.FirstFailure | said.NotStarted


def in_words(event: FleetProgress) -> tuple[str, str]:
    """Return what an event says, without the stack it is about: the news, and what there is to add or an empty text."""
    if isinstance(event, SetProgress | InstanceFailed):
        return _of_fleet(event)
    if isinstance(event, said.Begun | said.Allowed):
        return _of_run(event)
    match event:
        case said.Planning(type=kind):
            return "change set asked for", kind
        case said.Waiting(status=status, token=token):
            return "waiting", f"another's operation runs, {status}{f', token {token}' if token else ''}"
        case said.Started(what=what):
            return "started", what
        case said.Skipping(resources=resources):
            return "rolling back", f"without {', '.join(resources)}"
        case said.Status(status=status):
            return status, ""
        case said.InHand(resource=resource, status=status):
            return status, resource
        case said.Emptied(bucket=bucket, versions=versions, per_second=per_second):
            return "emptying", f"{bucket}, {versions:,} versions removed, {per_second:,} a second"
        case _:
            return _of_end(event)


def _of_run(event: said.Begun | said.Allowed) -> tuple[str, str]:
    if isinstance(event, said.Begun):
        return _RUNS[event.what], counted(len(event.stacks), "stack")
    return f"--allow {event.allow} lets {event.passes} pass", _some(event.names)


def _of_end(event: _End) -> tuple[str, str]:
    match event:
        case said.Planned(changes=changes):
            return "change set stands", counted(changes, "change")
        case said.Unchanged():
            return "unchanged", ""
        case said.Finished(status=status):
            return "done", status
        case said.FirstFailure(resource=resource, reason=reason):
            return "FAILED", f"{f'{resource}: ' if resource else ''}{one_line(reason, _REASON_WIDTH)}"
        case said.NotStarted(because=because):
            return "not started", because
    assert_never(event)


def _of_fleet(event: SetProgress | InstanceFailed) -> tuple[str, str]:
    if isinstance(event, InstanceFailed):
        return "FAILED", f"{event.account} {event.region}: {one_line(event.reason, _REASON_WIDTH)}"
    failed = f", {event.failed} failed" if event.failed else ""
    return f"{event.done}/{event.total}{failed}", f"{event.action} {event.status}"


def _some(names: tuple[str, ...]) -> str:
    rest = len(names) - _NAMED
    return ", ".join((*names[:_NAMED], *([f"and {rest} more"] if rest > 0 else [])))
