"""Days on which a drill is held against the witness: what is done to the embedded AWS, when, and the true verdict."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from builder.drill.faults import FAULTS, MakeFault, find_fault
from builder.drill.findings import DrillAsks, DrillMoment, DrillProgress
from builder.drill.run import FailoverOptions
from builder.drill.verdict import DrillVerdict, Objectives
from drill.conftest import Theatre
from local.account import PRIMARY, SECONDARY
from local.adapter.control import ask, set_pace

THIRD = "eu-west-1"
OBJECTIVES = Objectives(rto_seconds=4, rpo_seconds=2, requests_lost=0)
Act = Callable[[Theatre], None]


def ill(region: str, for_s: float | None = None, status: int = 503) -> Act:
    """A region's URLs answer an error, until they are well or for so long."""
    fault = {"region": region, "status": status, "for_s": for_s}
    return lambda theatre: ask(theatre.account, "/_builder/faults", {"function_urls": [fault]})


def well(region: str) -> Act:
    return ill(region, 0)


def paced(delay_s: float = 0.0, *, source: str = PRIMARY, to: str = SECONDARY, paused: bool = False) -> Act:
    """Items take so long from a region to another, or do not set out."""

    def act(theatre: Theatre) -> None:
        set_pace(theatre.account, "dynamodb", delay_s=delay_s, paused=paused, source=source, destination=to)

    return act


def lose_third(theatre: Theatre) -> None:
    """Cut the third region off: its replica paused, its rule disabled, its function without concurrency."""
    paced(to=THIRD, paused=True)(theatre)
    client, target = theatre.account.s3(PRIMARY), theatre.target
    bucket, third = target.primary.needed_bucket, target.side(THIRD)  # type: ignore[arg-type]
    rules = client.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    for rule in rules["Rules"]:
        if rule["Destination"]["Bucket"].endswith(third.needed_bucket):
            rule["Status"] = "Disabled"
    client.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=rules)
    functions = theatre.account.functions(THIRD)
    functions.put_function_concurrency(FunctionName=third.function.name, ReservedConcurrentExecutions=0)


def find_third(theatre: Theatre) -> None:
    """Undo it."""
    client, target = theatre.account.s3(PRIMARY), theatre.target
    rules = client.get_bucket_replication(Bucket=target.primary.needed_bucket)["ReplicationConfiguration"]
    for rule in rules["Rules"]:
        rule["Status"] = "Enabled"
    client.put_bucket_replication(Bucket=target.primary.needed_bucket, ReplicationConfiguration=rules)
    name = target.side(THIRD).function.name  # type: ignore[arg-type]
    theatre.account.functions(THIRD).delete_function_concurrency(FunctionName=name)


@dataclass(frozen=True)
class Do:
    """Something that is done so long after a moment of the drill."""

    moment: str
    after_s: float
    act: Act


@dataclass(frozen=True)
class Day:
    """One of them: the drill, what is done meanwhile, and its true verdict."""

    name: str
    options: FailoverOptions
    verdict: DrillVerdict
    missed: frozenset[str] = frozenset()
    """The names of the checks that are missed; with several regions of one pair at least."""
    objectives: Objectives = OBJECTIVES
    fault: MakeFault = FAULTS["throttle"]
    script: Sequence[Do] = ()
    regions: int = 2
    starved: bool = False
    """Whether all cores are busy with something else."""


def options(
    before_s: float = 2, outage_s: float = 4, after_s: float = 2, rate: float = 10, patience_s: float = 20
) -> FailoverOptions:
    return FailoverOptions(rate=rate, before_s=before_s, outage_s=outage_s, after_s=after_s, patience_s=patience_s)


def _flapping_people() -> list[Do]:
    """Replication stops; 5 s later the primary fails for a moment each second; 9 s after it stopped, for good."""
    spells = [Do("make", 5 + turn, ill(PRIMARY, 0.15)) for turn in range(4)]
    return [
        Do("make", 0, paced(paused=True)),
        *spells,
        Do("make", 9, ill(PRIMARY)),
        Do("undo", 0, well(PRIMARY)),
        Do("undo", 0, paced()),
    ]


def _missed(*names: str) -> frozenset[str]:
    return frozenset(names)


DAYS = [
    Day(
        "the secondary well for 3.5 s, then 503 for the rest",
        options(rate=5, outage_s=9),
        "failed",
        _missed("rto_seconds", "requests_lost"),
        script=[Do("strike", 3.5, ill(SECONDARY)), Do("undone", 0.5, well(SECONDARY))],
    ),
    Day(
        "two cores busy, both regions gone for the rest",
        options(rate=4, before_s=3, outage_s=6, after_s=6),
        "failed",
        _missed("rto_seconds", "failback_seconds", "requests_lost"),
        script=[Do("strike", 2, ill(SECONDARY)), Do("strike", 2, ill(PRIMARY))],
        starved=True,
    ),
    Day(
        "a primary that flaps six times for 0.7 s, nothing lost",
        options(outage_s=8.4),
        "passed",
        objectives=replace(OBJECTIVES, longest_gap_seconds=2.5),
        fault=find_fault("flap", flap_s=0.7),
    ),
    Day(
        "replication paused, a primary that flaps, then an outage of 12 s",
        options(outage_s=16),
        "failed",
        _missed("rpo_seconds"),
        fault=FAULTS["manual"],
        script=_flapping_people(),
    ),
    Day(
        "three regions, the third cut off",
        options(before_s=6, patience_s=3),
        "failed",
        _missed("rpo_seconds", "reconciliation"),
        script=[Do("load", 0.5, lose_third), Do("load ended", 0, find_third)],
        regions=3,
    ),
    Day("replication takes 0.2 s", options(), "passed", script=[Do("load", 0, paced(0.2))]),
    Day("replication takes 0.8 s", options(), "passed", script=[Do("load", 0, paced(0.8))]),
    Day(
        "replication takes 3 s", options(before_s=6), "failed", _missed("rpo_seconds"), script=[Do("load", 0, paced(3))]
    ),
    Day(
        "replication paused",
        options(before_s=5),
        "failed",
        _missed("rpo_seconds"),
        script=[Do("load", 1.5, paced(paused=True)), Do("undone", 1, paced())],
    ),
    Day(
        "a primary that is slow",
        options(),
        "passed",
        objectives=replace(OBJECTIVES, service_seconds=1.0, longest_gap_seconds=4.0),
        fault=find_fault("slow", slow_s=3.0),
    ),
    Day("a primary whose table is out of reach", options(), "passed", fault=FAULTS["table"]),
    Day("nothing gets out of the primary", options(), "failed", _missed("rpo_seconds"), fault=FAULTS["one-way"]),
    Day(
        "the secondary ill for the first 3 s",
        options(outage_s=6),
        "failed",
        _missed("rto_seconds", "requests_lost"),
        objectives=replace(OBJECTIVES, rto_seconds=2.0),
        script=[Do("strike", 0, ill(SECONDARY, 3))],
    ),
    Day("a primary that flaps for 2 s", options(outage_s=8), "passed", fault=find_fault("flap", flap_s=2)),
    Day(
        "back in the primary before what the secondary took has arrived there",
        options(outage_s=3, after_s=9),
        "failed",
        _missed("stale_reads", "overwritten_updates"),
        objectives=replace(OBJECTIVES, stale_reads=0, overwritten_updates=0),
        script=[Do("load", 0, paced(10, source=SECONDARY, to=PRIMARY))],
    ),
    Day("three regions", options(), "passed", regions=3),
    Day(
        "a write each 10 s",
        options(before_s=12, outage_s=24, after_s=12, rate=0.1),
        "not measured",
        objectives=replace(OBJECTIVES, rto_seconds=5.0),
    ),
]


@contextmanager
def directed(theatre: Theatre, script: Sequence[Do]) -> Iterator[list[BaseException]]:
    """Do what the script says when the drill comes to its moments; what went wrong with it is in the list."""
    timers: list[threading.Timer] = []
    wrong: list[BaseException] = []

    def do(act: Act) -> None:
        try:
            act(theatre)
        except BaseException as error:  # told by the test itself
            wrong.append(error)
            raise

    def take(event: DrillProgress) -> None:
        moment = _moment(event)
        for due in script:
            if due.moment == moment:
                timers.append(threading.Timer(due.after_s, partial(do, due.act)))
                timers[-1].start()

    theatre.on_event = take
    try:
        yield wrong
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()


def _moment(event: DrillProgress) -> str:
    """Return what the script calls it: a moment's own name, or what people are asked to do."""
    match event:
        case DrillMoment():
            return event.moment
        case DrillAsks():
            return event.what.split()[0]
        case _:
            return ""
