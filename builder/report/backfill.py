"""What a backfill is to replicate, the progress of its jobs and their ends: text, and lines of JSON; pure."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rich.text import Text

from builder.deploy.backfill.records import Backfill, Ended, Job
from builder.deploy.observe.objects import Gap
from builder.report.screen import json_line, one_line
from builder.terms import counted

_KEY_WIDTH = 60
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillCounted:
    """What each destination of a bucket lacks, before a job is created."""

    source: str
    """The component and the region, `uploads/us-east-1`."""
    bucket: str
    statuses: tuple[str, ...]
    """The replication statuses of the objects that a job takes."""
    gaps: Mapping[str, Gap] | None
    """By the destination's region; null where nothing was counted."""
    event: Literal["backfill.counted"] = "backfill.counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillProgress:
    """The state of a job changed."""

    job: Job
    event: Literal["backfill.progress"] = "backfill.progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillEnded:
    """The verdict on each job. After Ctrl-C, each job is as it was last read, and continues in S3."""

    jobs: tuple[Ended, ...]
    interrupted: bool
    event: Literal["backfill.ended"] = "backfill.ended"


def event(facts: BackfillCounted | BackfillProgress | BackfillEnded, at: datetime) -> str:
    """Return a record as one line."""
    values = dataclasses.asdict(facts)
    return json_line(values.pop("event"), at, values)


def counted_event(backfill: Backfill, gaps: Mapping[str, Gap] | None, at: datetime) -> str:
    """Return what a bucket's destinations lack, as one line."""
    source = backfill.source
    return event(
        BackfillCounted(source=source.id, bucket=source.bucket.name, statuses=backfill.statuses, gaps=gaps), at
    )


def plan_text(planned: Sequence[tuple[Backfill, Mapping[str, Gap] | None]]) -> Text:
    """Return a block for each bucket that replicates: what each destination lacks of it."""
    return Text("\n").join(line for backfill, gaps in planned for line in _planned(backfill, gaps))


def _planned(backfill: Backfill, gaps: Mapping[str, Gap] | None) -> Iterator[Text]:
    source = backfill.source
    yield Text.assemble((source.id, "bold"), f"  {source.bucket.name}")
    for place in source.destinations:
        lack = "not counted" if gaps is None else _gap(gaps[place.site.region])
        yield Text(f"  to {place.site.region}  {place.name}: {lack}")


def _gap(gap: Gap) -> str:
    markers = f", and {counted(gap.markers, 'delete marker')}" if gap.markers else ""
    if not gap.lacking:
        return f"lacks none of {counted(gap.versions, 'version')}{markers}"
    first = f"; the first key is {one_line(gap.example, _KEY_WIDTH)}"
    return f"lacks {gap.lacking:,} of {counted(gap.versions, 'version')}, {_size(gap.bytes)}{markers}{first}"


def _size(count: int) -> str:
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{count:,} {_UNITS[0]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def progress_text(job: Job) -> str:
    """Return a job's state in a line."""
    tasks = f": {job.succeeded:,} of {counted(job.total, 'version')}" if job.total else ""
    failed = f", {job.failed:,} failed" if job.failed else ""
    return f"{job.source}  job {job.id}  {job.status}{tasks}{failed}"


def ended_text(ended: Sequence[Ended]) -> Text:
    """Return a line for each job: what it did, or why it did not."""
    return Text("\n").join(_ended(end) for end in ended)


def _ended(end: Ended) -> Text:
    words = {
        "done": f"replicated {counted(end.job.succeeded, 'version')}",
        "nothing to do": "had nothing to replicate",
    }.get(end.verdict, end.why)
    return Text.assemble((end.job.source, "bold"), "  ", (words, "red" if end.verdict == "failed" else "green"))
