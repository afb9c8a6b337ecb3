"""A promotion: how far replication is before it, the files it has written, its state; text, and lines of JSON; pure."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.text import Text

from builder.deploy.backfill.drained import Drained, PairGap, TableReplicas
from builder.deploy.promotion import Promotion
from builder.report.screen import json_line
from builder.terms import Region, StackName, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionChecked:
    """The state of replication, before a promotion is planned."""

    to: Region
    came_from: Region
    tables: tuple[TableReplicas, ...]
    pairs: tuple[PairGap, ...]
    event: Literal["promotion.checked"] = "promotion.checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionBegun:
    """A promotion began: its record is in AWS, and dr.yaml and the templates are written."""

    to: Region
    came_from: Region
    forced: bool
    postponed: tuple[str, ...]
    """The stacks whose part waits for the lost region."""
    files: tuple[str, ...]
    """The files written or removed: one change to commit."""
    event: Literal["promotion.begun"] = "promotion.begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionEnded:
    """The state of a promotion after an execution: done, with its record deleted, or still under way."""

    to: Region
    came_from: Region
    is_done: bool
    postponed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """The stacks that a plan would still change."""
    event: Literal["promotion.ended"] = "promotion.ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionSeen:
    """A promotion under way, from its record."""

    promotion: Promotion
    unretained: tuple[StackName, ...] = ()
    """The names of the lost region's stacks whose deletion would delete a table."""


def event(facts: PromotionChecked | PromotionBegun | PromotionEnded, at: datetime) -> str:
    """Return a record as one line."""
    values = dataclasses.asdict(facts)
    return json_line(values.pop("event"), at, values)


def checked_text(seen: Drained, to: Region) -> Text:
    """Return a line for each table and each one-way replication, and what that means."""
    lines = [_table(table) for table in seen.tables]
    lines += [line for pair in seen.pairs for line in _pair(pair, to)]
    return Text("\n").join(lines or [Text("nothing is replicated by a rule that would be turned round")])


def _table(table: TableReplicas) -> Text:
    statuses = ", ".join(f"{status} in {region}" for region, status in table.statuses.items())
    return Text(f"table {table.table}: {statuses}; items go on both ways, whichever stack has it")


def _pair(pair: PairGap, to: Region) -> Iterator[Text]:
    way = f"{pair.component}: {pair.source} to {pair.destination}"
    looked = "" if pair.is_whole else f", of the first {counted(pair.gap.versions, 'version')}"
    if pair.is_drained:
        yield Text(f"{way}: all {counted(pair.gap.versions, 'version')} are there{looked}")
    else:
        lacking = [counted(pair.gap.lacking, "version")] if pair.gap.lacking else []
        lacking += [counted(pair.gap.markers, "delete marker")] if pair.gap.markers else []
        first = f", {pair.gap.example} first" if pair.gap.example else ""
        yield Text(f"{way}: {' and '.join(lacking)} not there{first}{looked}", style="yellow")
    if pair.beyond:
        back = f"{counted(pair.beyond, 'version')} in {pair.destination} not in {pair.source}"
        yield Text(f"{way}: {back}: they stay, and `backfill` brings them once {to} is the primary", style="yellow")


def begun_text(written: PromotionBegun, config: str) -> str:
    """Return the files written, as one change to commit."""
    lines = [f"{written.to} is the primary by {config} now; to be committed as one change:"]
    lines += [f"  {path}" for path in written.files]
    if not written.files:
        lines = [f"{written.to} is the primary by {config} already"]
    return "\n".join(lines)


def ended_text(ended: PromotionEnded) -> Text:
    """Return the state of a promotion."""
    if ended.is_done:
        return Text(f"{ended.to} is the primary: a plan has nothing left to do", style="bold green")
    if ended.left:
        what = f"{ended.to} is not yet all that a primary is: a plan would still change {', '.join(ended.left)}"
        return Text(f"{what}\nnext:  python -m builder deploy    does it", style="yellow")
    lines = [f"{ended.to} serves as the primary, and this waits until {ended.came_from} answers again:"]
    lines += [f"  {name}" for name in ended.postponed]
    again = (
        f"python -m builder deploy    does it then, and ends the promotion; until then --skip-region {ended.came_from}"
    )
    return Text("\n".join([*lines, f"next:  {again}"]), style="yellow")


def waiting_text(promotion: Promotion) -> Text:
    """Return the stacks that wait for a lost region."""
    lines = [f"waits until {promotion.came_from} answers again:", *(f"  {name}" for name in promotion.postponed)]
    return Text("\n".join(lines), style="yellow")


def under_way_text(seen: PromotionSeen) -> Text:
    """Return the promotion under way, the stacks that wait, and what a deletion in the lost region would delete."""
    promotion = seen.promotion
    lines = [Text(f"{promotion.words}: not done yet", style="bold yellow")]
    if promotion.postponed:
        lines.append(waiting_text(promotion))
    lines.append(Text("  python -m builder deploy    carries it to its end"))
    if seen.unretained:
        lines.append(unretained_text(promotion, seen.unretained))
    return Text("\n").join(lines)


def unretained_text(promotion: Promotion, stacks: Sequence[StackName]) -> Text:
    """Return what a deletion of stacks in the lost region would delete, and the commands that prevent it."""
    region = promotion.came_from
    lines = [
        f"until {region} lets go of it, {', '.join(stacks)} of {region} has the table too, and does not retain it:",
        "who deletes that stack deletes the table in every region, and who updates it reverts what was changed since",
    ]
    lines += [
        f"  aws cloudformation update-termination-protection --region {region} --stack-name {stack} "
        "--enable-termination-protection    first, once it answers: AWS deletes it no more"
        for stack in stacks
    ]
    allow = " ".join(f"--allow {region}/{stack}/TerminationProtection" for stack in stacks)
    lines += [f"  python -m builder deploy {allow}    then: sets Retain, takes the table out of it, and deletes it"]
    return Text("\n".join(lines), style="bold red")
