"""What drifted, and what the regions differ in, as text and as JSON; pure."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.text import Text

from builder.report.line import json_line
from builder.report.review import one_line
from builder.state.records import Disparity, DriftedStack

_WIDTH = 80


@dataclass(frozen=True, slots=True)
class DriftSeen:
    """What drifted from its template, and what the regions differ in."""

    stacks: tuple[DriftedStack, ...]
    disparities: tuple[Disparity, ...]
    event: Literal["drift.seen"] = "drift.seen"


def as_event(drifted: Sequence[DriftedStack], disparities: Sequence[Disparity], at: datetime) -> str:
    """Return all of it as one line."""
    said = dataclasses.asdict(DriftSeen(tuple(drifted), tuple(disparities)))
    return json_line(said.pop("event"), at, said)


def as_text(drifted: Sequence[DriftedStack], disparities: Sequence[Disparity]) -> Text:
    """Return what differs, and a line for the rest."""
    lines = [line for stack in drifted for line in _stack(stack)]
    if disparities:
        lines.append(Text("the regions differ:", style="bold"))
    lines += [line for one in disparities for line in _disparity(one)]
    away = sum(stack.status == "DRIFTED" for stack in drifted)
    unknown = sum(bool(stack.problem) for stack in drifted)
    told = f"{len(drifted)} stacks: {away} drifted, {unknown} unknown; differences between regions: {len(disparities)}"
    lines.append(Text(told, style="bold"))
    return Text("\n").join(lines)


def _stack(stack: DriftedStack) -> Iterator[Text]:
    if stack.status == "IN_SYNC":
        return
    said = f": {stack.problem}" if stack.problem else ""
    yield Text.assemble(
        (f"{stack.region}/{stack.name}", "bold"), "  ", (f"{stack.status}{said}", "yellow" if stack.problem else "red")
    )
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
