"""What drifted, and what the regions differ in, as text and as JSON; pure."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.text import Text

from builder.report.screen import json_line, one_line
from builder.state.records import Differences, Disparity, DriftedStack
from builder.terms import counted

_WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeen(Differences):
    """What drifted from its template, and what the regions differ in."""

    event: Literal["drift.seen"] = "drift.seen"


def as_event(found: Differences, at: datetime) -> str:
    """Return all of it as one line."""
    return json_line("drift.seen", at, dataclasses.asdict(found))


def as_text(found: Differences) -> Text:
    """Return what differs, and a line for the rest."""
    lines = [line for stack in found.stacks for line in _stack(stack)]
    if found.disparities:
        lines.append(Text("the regions differ:", style="bold"))
    lines += [line for one in found.disparities for line in _disparity(one)]
    lines += [Text(silence, style="yellow") for silence in found.silent]
    away = sum(stack.status == "DRIFTED" for stack in found.stacks)
    absent = sum(stack.status == "ABSENT" for stack in found.stacks)
    unknown = sum(bool(stack.problem) for stack in found.stacks)
    told = f"{counted(len(found.stacks), 'stack')}: {away} drifted, {absent} absent, {unknown} unknown"
    told += f"; differences between regions: {len(found.disparities)}"
    if found.silent:
        told += f"; not read: {len(found.silent)}"
    lines.append(Text(told, style="bold"))
    return Text("\n").join(lines)


def _stack(stack: DriftedStack) -> Iterator[Text]:
    if stack.status == "IN_SYNC":
        return
    said = f": {stack.problem}" if stack.problem else ""
    style = "yellow" if stack.status == "UNKNOWN" else "red"
    yield Text.assemble((f"{stack.region}/{stack.name}", "bold"), "  ", (f"{stack.status}{said}", style))
    for resource in stack.resources:
        yield Text(f"  {resource.logical_id}  {resource.type}  {resource.status}  {resource.physical_id}")
        for one in resource.properties:
            yield Text(f"      {one.path}: {_short(one.expected)} -> {_short(one.actual)}  {one.kind}")


def _disparity(one: Disparity) -> Iterator[Text]:
    yield Text.assemble(f"  {one.thing}: ", (one.setting, "red"))
    for region, value in one.values.items():
        yield Text(f"      {region:<15} {_short(value)}")


def _short(value: str) -> str:
    return one_line(value, _WIDTH) or "(none)"
