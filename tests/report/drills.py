"""Reports of drills, from logs made by hand: of a good day, a bad one, one that came late, of three regions, long."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.drill.findings import (
    About,
    FailoverReport,
    ReplicationReport,
    Watched,
    report_failover,
    report_replication,
)
from builder.drill.history import History, HistoryEntry, Outside, Unread, compare, read_report
from builder.drill.records import LogLine, Mark, Read, RegionAttempt, Sighting, Turn, Write
from builder.drill.verdict import Objectives
from builder.terms import Region
from drill.claims import claim

PRIMARY, SECONDARY, THIRD = Region("us-east-1"), Region("us-west-2"), Region("eu-central-1")
TOOK_S, READ_S = 0.04, 0.05
ABOUT = About(
    drill="20260101-120000-abcdef",
    deployment="tap-dev",
    environment="dev",
    assembly="c0ffee" * 10 + "abcd",
    account="123456789012",
    by="arn:aws:sts::123456789012:assumed-role/drills/ada",
    primary=PRIMARY,
    secondaries=(SECONDARY,),
    to=SECONDARY,
    began="2026-01-01T12:00:00.000+00:00",
    rate=10,
    service_s=5.0,
    service="a status from 200 to 299 to PUT or DELETE /items/<id>",
    probe="handler: PUT and DELETE /items/<id>, seen and read by DynamoDB's calls",
    fault="reserved concurrency of tap-dev-primary set to 0",
    log_sha256="5eed" * 16,
    versions={"builder": "0.1.0", "python": "3.14.0", "boto3": "1.43.2", "botocore": "1.43.2", "urllib3": "2.5.0"},
)
OBJECTIVES = Objectives(
    rpo_seconds=5,
    rto_seconds=60,
    replication_p99_seconds=5,
    longest_gap_seconds=10,
    availability_percent=75,
    requests_lost=30,
    stale_reads=5,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """How a failover drill went; in seconds since it began."""

    rate: float = 10
    strike_s: float = 5.0
    ill_until_s: float = 7.0
    """The secondary answers from then on."""
    undone_s: float = 10.0
    end_s: float = 15.0
    delay_s: float = 0.5
    held_back_from_s: float = 2.5
    """What is acknowledged from then on arrives only once the fault is undone."""
    late_s: float = 0.0
    """How late the drill sends during the fault."""
    secondaries: Sequence[Region] = (SECONDARY,)
    without: str = ""
    """A write that no secondary gets."""


def failover(day: Day | None = None, objectives: Objectives = OBJECTIVES, **about: str) -> FailoverReport:
    """The report of a day."""
    day = day or Day()
    lines = [*_requests(day), *_turns(day)]
    held = {line.name: {"body": line.body} for line in lines if isinstance(line, Write)}
    there = {name: item for name, item in held.items() if name != day.without}
    regions = [PRIMARY, *day.secondaries]
    lines += [
        Read(region, "item", at_s * 0.5, at_s * 0.5 + READ_S)
        for at_s in range(int(day.end_s * 2))
        for region in regions
    ]
    lines += [Mark("load", 0.0), Mark("strike", day.strike_s - 0.05), Mark("fault", day.strike_s)]
    lines += [Mark("undoing", day.undone_s), Mark("undone", day.undone_s + 0.05), Mark("load ended", day.end_s)]
    lines.append(Mark("reconciled", day.end_s + 0.6))
    ways = [(a, b) for a in regions for b in regions if a != b and PRIMARY in (a, b)]
    shown = replace(ABOUT, secondaries=tuple(day.secondaries), rate=day.rate, **about)  # type: ignore[arg-type]
    copies = tuple((PRIMARY, region) for region in day.secondaries)
    held_by = {PRIMARY: held} | dict.fromkeys(day.secondaries, there)
    return report_failover(shown, lines, held_by, objectives, Watched(tuple(ways), copies))


PASSED = Day(strike_s=5.0, ill_until_s=5.0, held_back_from_s=4.8)
BAD = Day(without="w030")
LATE = Day(ill_until_s=5.0, held_back_from_s=4.8, late_s=1.4)
THREE = Day(secondaries=(SECONDARY, THIRD), ill_until_s=5.5)
LONG = Day(rate=2, strike_s=120, ill_until_s=123, undone_s=420, end_s=600, held_back_from_s=118, delay_s=0.3)


DAYS = {"PASSED": PASSED, "BAD": BAD, "LATE": LATE, "THREE": THREE, "LONG": LONG}


def _requests(day: Day) -> list[LogLine]:
    lines: list[LogLine] = []
    for number in range(int(day.end_s * day.rate)):
        planned_s, name = number / day.rate, f"w{number:03}"
        struck = day.strike_s <= planned_s < day.undone_s
        called_s = planned_s + (day.late_s if struck else 0.0)
        tries = [RegionAttempt(PRIMARY, called_s, called_s + TOOK_S, 429 if struck else 201)]
        if struck:
            status = 503 if planned_s < day.ill_until_s else 201
            tries.append(RegionAttempt(day.secondaries[0], called_s + TOOK_S, called_s + 2 * TOOK_S, status))
        write = Write(name, "item", f"body of {name}", tuple(tries), planned_s, called_s, name)
        lines += [write, *_seen(write, day)]
        if number % int(day.rate) == 0 and not struck:
            copy = replace(write, id=f"o{number:03}", what="object", key=f"o{number:03}")
            lines += [copy, *(Sighting(copy.key, region, copy.ended_s + 1.1) for region in day.secondaries)]
    return lines


def _seen(write: Write, day: Day) -> list[LogLine]:
    took, at_s = write.acknowledged_by, write.ended_s
    if took is None or write.name == day.without:
        return []
    wave = int(write.name[1:]) % 7 / 20
    held = day.held_back_from_s <= at_s < day.undone_s
    return [
        Sighting(write.name, region, max(day.undone_s + 0.2, at_s) if held else at_s + day.delay_s + wave)
        for region in (PRIMARY, *day.secondaries)
        if region != took
    ]


def _turns(day: Day) -> list[LogLine]:
    """A counter, a turn each second; during the fault the secondary keeps what the primary does not know afterwards."""
    turns: list[LogLine] = []
    here, there = 0, 0
    for number in range(1, int(day.end_s)):
        at_s = float(number)
        struck = day.strike_s <= at_s < day.undone_s
        region = day.secondaries[0] if struck else PRIMARY
        read = there if struck else here
        turns.append(
            Turn(
                number=number,
                planned_s=at_s,
                read=(RegionAttempt(region, at_s, at_s + TOOK_S, 200),),
                turn_read=read,
                value_read=read,
                value_written=read + 1,
                write=(RegionAttempt(region, at_s + TOOK_S, at_s + 2 * TOOK_S, 201),),
            )
        )
        here, there = (here, number) if struck else (number, number)
    return turns


def replication(*, secondaries: Sequence[Region] = (SECONDARY,)) -> ReplicationReport:
    """A hundred probes of each kind and direction; the last object does not arrive."""
    lines: list[LogLine] = []
    for number in range(100):
        at_s = number / 10
        for region in secondaries:
            name = f"{region}-{number}"
            there, back = _good(f"there-{name}", at_s, PRIMARY), _good(f"back-{name}", at_s, region)
            lines += [there, Sighting(there.key, region, at_s + 0.7 + number % 7 / 10)]
            lines += [back, Sighting(back.key, PRIMARY, at_s + 0.9)]
        lines.append(_good(f"object-{number}", at_s, PRIMARY, is_object=True))
        if number < 99:
            lines += [Sighting(f"object-{number}", region, at_s + 2.2) for region in secondaries]
    ways = tuple(way for region in secondaries for way in ((PRIMARY, region), (region, PRIMARY)))
    copies = tuple((PRIMARY, region) for region in secondaries)
    about = replace(ABOUT, fault="", secondaries=tuple(secondaries))
    return report_replication(about, lines, Objectives(replication_p99_seconds=2), Watched(ways, copies))


def _good(name: str, at_s: float, region: Region, *, is_object: bool = False) -> Write:
    tries = (RegionAttempt(region, at_s, at_s + 0.01, 201),)
    return Write(name, "object" if is_object else "item", name, tries, at_s, at_s, name)


def history(count: int) -> History:
    """So many drills, a day each: some missed, one not measured, one never reached, things changed in between."""
    entries: list[HistoryEntry] = [
        Unread("bad/report.json", "is no JSON"),
        Outside("old/report.json", "old", "failover", "tap-dev", "2025-05-01T10:00:00+00:00", holds=True),
    ]
    for number in range(count):
        about = {"began": f"2026-{1 + number // 28:02}-{1 + number % 28:02}T12:00:00+00:00"}
        about |= {"assembly": "beef" * 16} if number >= count / 2 else {}
        report = claim(
            f"d{number:02}",
            rpo_seconds=0.2 + number % 7 / 10,
            rto_seconds=None if number == 12 else 72.5 if number == 1 else 1.5 + number % 5 / 3,
            availability_percent=95.5 + number % 9 / 2,
            stale_reads=number % 4,
            limits={"rto_seconds": 30.0 if number >= count * 3 / 4 else 60.0},
            more=[_not_measured()] if number == 7 else [],
            **about,
        )
        entries.append(read_report(json.dumps(report).encode(), f"d{number:02}/report.json", Path("nowhere")))
    return compare("drills", entries)


def _not_measured() -> dict[str, object]:
    return {"name": "failback_seconds", "pair": None, "measured": 0.1, "limit": 60.0, "verdict": "not measured"}
