"""Drills compared over time: every report below a folder, each number's trend, and what changed in between.

In this order: the records, `read_history` (files) and `compare`, and their helpers. No call is made to AWS.
Somebody may have edited a report, so what it says is a claim. A report whose verdicts do not follow from its own
numbers, or that is there twice, is listed but not compared.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError, from_json

from builder.drill.records import FILE_NAME, begins_with
from builder.drill.verdict import AT_LEAST, DrillVerdict, Verdict, exceeds, verdict_of
from builder.errors import of_file

REPORT = "report.json"
VERSION = 2
_LARGEST = 1 << 28
"""The bytes of the largest report that is read: ten times those of a day at ten requests a second."""
Evidence = Literal["as reported", "not there", "another"]


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a drill, as its report has it."""

    name: str
    pair: str
    """`us-east-1 to us-west-2` if the number is of two regions, else empty."""
    measured: float | None
    limit: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A drill, as its report has it."""

    path: str
    """The path of the report, below the folder that was read."""
    drill: str
    kind: str
    deployment: str
    environment: str
    account: str
    by: str
    began: str
    verdict: DrillVerdict
    log: Evidence
    """Whether the log beside the report is the one that the report was made from, by its SHA-256."""
    settings: Mapping[str, str]
    """What the drill was run with, by name, in words."""
    numbers: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class ConditionChange:
    """A setting that differs between a drill and the one before it."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One number in all drills of a group, with one value per drill; null if a drill does not have the number."""

    name: str
    pair: str
    numbers: tuple[Number | None, ...]

    @property
    def worst(self) -> float | None:
        """The worst value that was measured; None if a drill did not reach the number, or if no drill measured it."""
        measured = [number for number in self.numbers if number is not None and number.verdict != "not measured"]
        values = [entry.measured for entry in measured if entry.measured is not None]
        if not values or len(values) < len(measured):
            return None
        return min(values) if self.name in AT_LEAST else max(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The drills of one kind, deployment, environment and account, the oldest first."""

    deployment: str
    environment: str
    account: str
    kind: str
    drills: tuple[Drill, ...]
    trends: tuple[Trend, ...]
    changes: tuple[tuple[ConditionChange, ...], ...]
    """The changes of each drill against the one before it."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A report of version 1, which is not compared: its numbers have another meaning."""

    path: str
    drill: str
    kind: str
    deployment: str
    began: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Unread:
    """A report or a folder that is not compared, with the reason."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class History:
    """Everything that lies below a folder."""

    folder: str
    groups: tuple[Group, ...]
    outside: tuple[Outside, ...]
    unread: tuple[Unread, ...]


HistoryEntry = Drill | Outside | Unread
_Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]


class _Claim(BaseModel):
    """The part of a report's JSON that is compared. All other keys are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


_Value = Annotated[float, Field(ge=0, le=1e9)]
"""The range of a measured number. Anything else was not measured by a drill."""


def _check_line(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("line", "is not one line of printable text")
    return text


_Word = Annotated[str, AfterValidator(_check_line)]
"""A printable text without line breaks, so that it can neither add lines to the output nor control the terminal."""


class _Check(_Claim):
    name: _Word
    pair: tuple[_Word, _Word] | None
    measured: _Value | None
    limit: _Value | None
    verdict: Verdict


class _About(_Claim):
    drill: _Word
    deployment: _Word
    environment: _Word
    assembly: _Word
    account: _Word
    by: _Word
    primary: _Word
    secondaries: tuple[_Word, ...]
    to: _Word
    began: _Moment
    rate: float
    service_s: float
    service: _Word
    probe: _Word
    fault: _Word
    log_sha256: _Word
    versions: dict[_Word, _Word]


class _Report(_Claim):
    kind: Literal["replication", "failover"]
    verdict: DrillVerdict
    about: _About
    checks: tuple[_Check, ...]


class _AboutBefore(_Claim):
    drill: _Word
    deployment: _Word
    began: _Moment


class _ReportBefore(_Claim):
    kind: Literal["replication", "failover"]
    holds: bool
    about: _AboutBefore


def read_history(folder: Path) -> History:
    """Return all reports below a folder, without following links to folders. Raises BadInput if there is no folder.

    A folder with the log of a drill and without a report is listed too, so that a failed drill cannot go unnoticed.
    """
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise of_file(error, folder, doing="read", next_step="python -m builder drill failover    makes one") from error
    return compare(str(folder), _find(folder))


def compare(folder: str, reports: Iterable[HistoryEntry]) -> History:
    """Return the drills in groups, with trends and changes. A drill that is there twice is listed as not compared."""
    drills: dict[str, Drill] = {}
    outside, unread = [], []
    for report in sorted(reports, key=lambda report: report.path):
        match report:
            case Outside():
                outside.append(report)
            case Unread():
                unread.append(report)
            case Drill() if (other := drills.setdefault(report.drill, report)) is not report:
                same = _without_place(report) == _without_place(other)
                why = "is the same drill as" if same else "says something else of the same drill than"
                unread.append(Unread(report.path, f"{why} {other.path}"))
            case _:
                pass
    kept = sorted(drills.values(), key=lambda drill: (_moment(drill.began), drill.drill))
    keys = dict.fromkeys((drill.deployment, drill.environment, drill.account, drill.kind) for drill in kept)
    groups = tuple(_group([drill for drill in kept if _key(drill) == key]) for key in sorted(keys))
    return History(folder, groups, tuple(sorted(outside, key=lambda report: _moment(report.began))), tuple(unread))


def _group(drills: Sequence[Drill]) -> Group:
    first = drills[0]
    names = dict.fromkeys((number.name, number.pair) for drill in drills for number in drill.numbers)
    pairs = zip((None, *drills), drills, strict=False)
    return Group(
        deployment=first.deployment,
        environment=first.environment,
        account=first.account,
        kind=first.kind,
        drills=tuple(drills),
        trends=tuple(_trend(name, pair, drills) for name, pair in names),
        changes=tuple(_changes(before, drill) for before, drill in pairs),
    )


def _trend(name: str, pair: str, drills: Iterable[Drill]) -> Trend:
    numbers_of_drills = ({(number.name, number.pair): number for number in drill.numbers} for drill in drills)
    return Trend(name=name, pair=pair, numbers=tuple(numbers.get((name, pair)) for numbers in numbers_of_drills))


def _changes(before: Drill | None, after: Drill) -> tuple[ConditionChange, ...]:
    if before is None:
        return ()
    names = dict.fromkeys((*before.settings, *after.settings))
    values = ((name, before.settings.get(name, "none"), after.settings.get(name, "none")) for name in names)
    return tuple(ConditionChange(name, was, is_) for name, was, is_ in values if was != is_)


def _key(drill: Drill) -> tuple[str, str, str, str]:
    return drill.deployment, drill.environment, drill.account, drill.kind


def _moment(began: str) -> datetime:
    return datetime.fromisoformat(began)


def _without_place(drill: Drill) -> tuple[object, ...]:
    return _key(drill), drill.began, drill.verdict, drill.settings, drill.numbers


def _find(folder: Path) -> Iterator[HistoryEntry]:
    """Yield for every folder of a drill its report, or why that cannot be read."""
    unseen: list[OSError] = []
    for place, folders, names in os.walk(folder, onerror=unseen.append):
        folders.sort()
        here = Path(place)
        if REPORT in names or REPORT in folders:
            yield _read(here / REPORT, str((here / REPORT).relative_to(folder)))
        elif FILE_NAME in names:
            yield Unread(str(here.relative_to(folder)), f"has a {FILE_NAME} and no {REPORT}: the drill came to no end")
    for error in unseen:
        where = Path(error.filename or folder)
        yield Unread(str(where.relative_to(folder)), f"cannot be read ({error.strerror})")


def _read(path: Path, place: str) -> HistoryEntry:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            return Unread(place, "is no file")
        if facts.st_size > _LARGEST:
            return Unread(place, f"has {facts.st_size:,} bytes: no drill's report is so large")
        data = path.read_bytes()
    except OSError as error:
        return Unread(place, f"cannot be read ({error.strerror})")
    return read_report(data, place, path.with_name(FILE_NAME))


def read_report(data: bytes, place: str, log: Path) -> HistoryEntry:
    """Return a report with the parts that are compared; `log` is the path where its log should be."""
    try:
        document = from_json(data, allow_inf_nan=False)
    except ValueError as error:
        return Unread(place, f"is no JSON: {error}")
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        return Unread(place, "is not a drill's report")
    if version > VERSION:
        return Unread(place, f"is of version {version}; this builder reads versions up to {VERSION}")
    try:
        if version == 1:
            before = _ReportBefore.model_validate(document)
            about = before.about
            return Outside(place, about.drill, before.kind, about.deployment, _utc(about.began), before.holds)
        return _drill(_Report.model_validate(document), place, log)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        return Unread(place, f"is not a drill's report: {key}: {first['msg']}")


def _drill(report: _Report, place: str, log: Path) -> HistoryEntry:
    if fault := next(_faults(report), None):
        return Unread(place, fault)
    about = report.about
    return Drill(
        path=place,
        drill=about.drill,
        kind=report.kind,
        deployment=about.deployment,
        environment=about.environment,
        account=about.account,
        by=about.by,
        began=_utc(about.began),
        verdict=report.verdict,
        log=_evidence(log, about.log_sha256),
        settings=_settings(about, report.checks),
        numbers=tuple(
            Number(check.name, _pair_text(check.pair), check.measured, check.limit, check.verdict)
            for check in report.checks
        ),
    )


def _faults(report: _Report) -> Iterator[str]:
    """Yield each contradiction in a report: a verdict that does not follow from its own number and objective.

    A number within its objective may still be missed or not measured: missed if a write never arrived, not measured if
    the drill was late.
    """
    if not report.checks:
        yield "has no checks, of which every drill has some"
    before = set[tuple[str, str]]()
    for check in report.checks:
        name = " ".join(filter(None, (check.name, _pair_text(check.pair))))
        if (check.name, _pair_text(check.pair)) in before:
            yield f"says {name} more than once"
        before.add((check.name, _pair_text(check.pair)))
        if check.verdict == "holds" and (check.measured is None or check.limit is None):
            yield f"says that {name} holds, without {'a number' if check.measured is None else 'an objective'}"
        elif check.verdict == "holds" and exceeds(check.name, check.measured, check.limit):
            yield f"says that {name} holds, with {check.measured:g} against an objective of {check.limit:g}"
        elif check.verdict == "no objective" and check.limit is not None:
            yield f"says that {name} has no objective, and one of {check.limit:g} beside it"
    follows = verdict_of(check.verdict for check in report.checks)
    if report.verdict != follows:
        yield f"says {report.verdict}, and its own checks say {follows}"


def _evidence(log: Path, sha256: str) -> Evidence:
    try:
        if not log.is_file():
            return "not there"
        with log.open("rb") as lines:
            return "as reported" if begins_with(lines, sha256) else "another"
    except OSError:
        return "not there"


def _settings(about: _About, checks: Iterable[_Check]) -> Mapping[str, str]:
    limits = {check.name: check.limit for check in checks}
    return {
        "assembly": about.assembly,
        **{f"version of {name}": version for name, version in about.versions.items()},
        **{f"objective {name}": "none" if limit is None else f"{limit:g}" for name, limit in limits.items()},
        "requests a second": f"{about.rate:g}",
        "service within, seconds": f"{about.service_s:g}",
        "service": about.service,
        "probe": about.probe,
        "fault": about.fault or "none",
        "primary": about.primary,
        "secondaries": ", ".join(about.secondaries),
        "failover to": about.to,
    }


def _pair_text(pair: tuple[str, str] | None) -> str:
    return " to ".join(pair or ())


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
