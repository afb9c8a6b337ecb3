"""What is checked before clients are sent from one region to another, and their move: text and JSON lines; pure."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from rich.text import Text

from builder.failback.records import (
    BucketComparison,
    CompareProgress,
    Difference,
    FailbackFindings,
    FailbackNote,
    FailbackProgress,
    FailbackWay,
    HoldMoved,
    HoldSighting,
    ItemDifference,
    MarkerSeen,
    ObjectDifference,
    RegionProblem,
    TableComparison,
    TableSize,
)
from builder.report.screen import json_line, one_line
from builder.terms import Region, counted

_KEY_WIDTH = 60
_BAD, _GOOD, _ODD = "red", "green", "yellow"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackLooked:
    """The result of the checks before a failback. Every difference was reported before, as an event of its own."""

    deployment: str
    source: Region
    """Where clients are."""
    target: Region
    """Where they would be sent."""
    holds: tuple[HoldSighting, ...]
    problems: tuple[RegionProblem, ...]
    tables: tuple[TableComparison, ...]
    buckets: tuple[BucketComparison, ...]
    notes: tuple[str, ...]
    allow: tuple[str, ...]
    """What `--allow` has to name before clients are sent."""
    event: Literal["failback.looked"] = "failback.looked"


def event(progress: FailbackProgress, at: datetime) -> str:
    """Return a progress record as one line."""
    return _line(dataclasses.asdict(progress), at)


def looked_event(findings: FailbackFindings, at: datetime) -> str:
    """Return all findings as one line."""
    facts = FailbackLooked(
        deployment=findings.deployment,
        source=findings.way.source,
        target=findings.way.target,
        holds=findings.holds,
        problems=findings.problems,
        tables=findings.tables,
        buckets=findings.buckets,
        notes=findings.notes,
        allow=tuple(dict.fromkeys(loss.name for loss in (*findings.losses, *findings.unwell))),
    )
    return _line(dataclasses.asdict(facts), at)


def _line(values: dict[str, object], at: datetime) -> str:
    return json_line(str(values.pop("event")), at, values)


def whereabouts_text(deployment: str, way: FailbackWay, held: Region | None, holds: Sequence[HoldSighting]) -> Text:
    """Return where clients are, and the hold as each region shows it."""
    where = f"clients are held in {held}" if held else f"no hold: clients prefer {holds[0].region}"
    goes = "" if way.is_none else f"; looked at is the way from {way.source} to {way.target}"
    lines = [Text.assemble((deployment, "bold"), f": {where}{goes}")]
    return Text("\n").join([*lines, *map(_hold, holds)])


def _hold(hold: HoldSighting) -> Text:
    if hold.problem:
        return Text.assemble(f"  {hold.region}  hold: ", (f"not known, {hold.problem}", _BAD))
    return Text(f"  {hold.region}  hold: {hold.held or 'none'}")


def progress_text(progress: FailbackProgress) -> str | None:
    """Return a line for people; None for progress that is shown at the end."""
    match progress:
        case TableSize():
            return _size(progress)
        case CompareProgress():
            return f"{progress.component}: {_read(progress.read)} read"
        case MarkerSeen():
            return f"a write in {progress.source} was seen in {progress.target} after {progress.after_s:g} s"
        case HoldMoved():
            held = f"clients are held in {progress.held}" if progress.held else "no hold any more"
            return f"{held}: seen in {', '.join(progress.seen_in) or 'no region'}"
        case FailbackNote():
            return f"note: {progress.what}"
        case _:
            return None


def _size(size: TableSize) -> str:
    items = " and ".join(f"{count:,} in {region}" for region, count in size.items.items())
    counted_then = f"{size.component}: DynamoDB last counted {items} items of {size.table}"
    if size.sample is not None:
        return f"{counted_then}; {size.sample:,} of each are read, and whatever they cost"
    units = " and ".join(f"{count:,} in {region}" for region, count in size.read_units.items())
    return f"{counted_then}; reading all takes {units} read request units, --sample N less"


def _read(read: Mapping[Region, int]) -> str:
    return ", ".join(f"{count:,} in {region}" for region, count in read.items())


def findings_text(findings: FailbackFindings, now: datetime) -> Text:
    """Return the findings: what is not well, which keys differ, and other remarks."""
    return Text("\n").join(_findings_lines(findings, now))


def _findings_lines(findings: FailbackFindings, now: datetime) -> Iterator[Text]:
    for problem in findings.problems:
        yield Text.assemble((problem.region, "bold"), "  ", (problem.what, _BAD))
    for table in findings.tables:
        part = "a sample, " if table.is_sample else ""
        yield Text.assemble((table.component, "bold"), f"  {table.table}: {part}items {_read(table.read)}")
        yield from _comparison(findings, table, now)
    for bucket in findings.buckets:
        yield Text.assemble((bucket.component, "bold"), f"  {counted(bucket.keys, 'object')} in either region")
        yield from _comparison(findings, bucket, now)
        yield from _of_bucket(findings.way, bucket)
    for note in findings.notes:
        yield Text(note, style=_ODD)
    yield _sum(findings)


def _sum(findings: FailbackFindings) -> Text:
    if findings.losses:
        return Text(f"something would be lost by going to {findings.way.target} now", style=_BAD)
    if findings.problems:
        return Text(
            f"{', '.join(dict.fromkeys(problem.region for problem in findings.problems))}: not well", style=_BAD
        )
    if any(table.is_sample for table in findings.tables):
        return Text("nothing of the sample would be lost; of the rest nobody knows", style=_ODD)
    if findings.notes:
        return Text("nothing of what was compared would be lost", style=_ODD)
    return Text("nothing would be lost", style=_GOOD)


def _comparison(
    findings: FailbackFindings, compared: TableComparison | BucketComparison, now: datetime
) -> Iterator[Text]:
    way, examples = findings.way, findings.examples.get(compared.component, ())
    if not compared.differing:
        yield Text("  the same in both", style=_GOOD)
    else:
        counts = [(compared.only_source, f"only in {way.source}"), (compared.both, "not the same in both")]
        counts.append((compared.only_target, f"only in {way.target}"))
        yield Text(f"  {', '.join(f'{count:,} {words}' for count, words in counts if count)}", style=_BAD)
    for example in examples:
        yield Text(f"    {_difference(example, now)}")
    if (rest := compared.differing - len(examples)) > 0:
        yield Text(f"    and {rest:,} more; --json has all")
    if compared.moving:
        yield Text(f"  {compared.moving:,} written all the time, and on their way at each look", style=_ODD)


def _difference(difference: Difference, now: datetime) -> str:
    name, only = one_line(difference.name, _KEY_WIDTH), difference.only
    written = {region: _ago(at, now) for region, at in difference.written.items()}
    match difference:
        case ItemDifference():
            what = f" in {', '.join(difference.attributes)}" if difference.attributes else ""
        case ObjectDifference():
            what = ""
            gone = (region for region in written if region not in difference.versions)
            written |= {region: f"deleted {written[region]}" for region in gone}
        case _:
            assert_never(difference)
    if only is not None and written.keys() <= {only}:
        return f"{name}  only in {only}{f', written {written[only]}' if written else ''}"
    times = ", ".join(f"{region} {ago}" for region, ago in written.items())
    where = f"only in {only}" if only else f"not the same{what}"
    return f"{name}  {where}{f': {times}' if times else ''}"


_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def _ago(at: str, now: datetime) -> str:
    """Return how long ago a time was, in its largest unit; now for a clock that is ahead."""
    passed_s = max(0.0, (now - datetime.fromisoformat(at)).total_seconds())
    for unit_s, word in _UNITS:
        if passed_s >= unit_s:
            return f"{passed_s // unit_s:.0f} {word} ago"
    return f"{passed_s:.0f} s ago"


def _of_bucket(way: FailbackWay, bucket: BucketComparison) -> Iterator[Text]:
    if not bucket.comes_over:
        what = f"  what is written in {way.source} does not come to {way.target}"
        yield Text(f"{what}: `replication: two-way` of the bucket, or copy it", style=_ODD)
    older = [f"{count:,} in {region}" for region, count in bucket.older.items() if count]
    if older:
        yield Text(f"  older versions that the other region has not: {', '.join(older)}", style="dim")
