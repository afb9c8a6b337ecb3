"""Log lines made by hand: what a drill would have written, at times that are easy to reckon with."""

from builder.drill.findings import About, Watched
from builder.drill.records import Kind, LogLine, Mark, Read, RegionAttempt, Sighting, Write
from builder.terms import Region

PRIMARY, SECONDARY = Region("us-east-1"), Region("us-west-2")
ABOUT = About(
    drill="20260101-120000-abc",
    deployment="tap-dev",
    environment="dev",
    assembly="c0ffee" * 10 + "abcd",
    account="123456789012",
    primary=PRIMARY,
    by="arn:aws:sts::123456789012:assumed-role/drills/ada",
    secondaries=(SECONDARY,),
    to=SECONDARY,
    began="2026-01-01T12:00:00+00:00",
    rate=10,
    service_s=5.0,
    service="PUT /items/<id> answers 2xx",
    probe="PUT /items/<id>, read back by DynamoDB's own calls",
    log_sha256="0" * 64,
    fault="reserved concurrency of tap-dev-primary set to 0",
    versions={"builder": "0.1.0", "python": "3.14.0"},
)
BOTH_WAYS = (PRIMARY, SECONDARY), (SECONDARY, PRIMARY)
WATCHED = Watched(items=BOTH_WAYS[:1], objects=BOTH_WAYS[:1])
"""What a failover drill looks at."""
TOOK_S = 0.01


def attempt(region: Region, began_s: float, status: int | None = 201) -> RegionAttempt:
    return RegionAttempt(region, began_s, began_s + TOOK_S, status)


def write(name: str, *attempts: RegionAttempt, what: Kind = "item") -> Write:
    """A write that went out at its time; what is written to it later has a number of its own."""
    return Write(name, what, f"body of {name}", attempts, planned_s=attempts[0].began_s)


def good(name: str, began_s: float, region: Region = PRIMARY, *, what: Kind = "item") -> Write:
    """A write that this region acknowledged at its first attempt."""
    return write(name, attempt(region, began_s), what=what)


def over(name: str, began_s: float) -> Write:
    """A write that the primary refused and the secondary took."""
    return write(name, attempt(PRIMARY, began_s, 429), attempt(SECONDARY, began_s + TOOK_S))


def lost(name: str, began_s: float, status: int | None = 503) -> Write:
    """A write that no region took."""
    return write(name, attempt(PRIMARY, began_s, 429), attempt(SECONDARY, began_s + TOOK_S, status))


def seen(name: str, at_s: float, region: Region = SECONDARY) -> Sighting:
    return Sighting(name, region, at_s)


def reads(since_s: float, until_s: float, region: Region = SECONDARY) -> list[LogLine]:
    """Reads one after the other, four a second."""
    return [
        Read(region, "item", number / 4, number / 4 + TOOK_S) for number in range(int(since_s * 4), int(until_s * 4))
    ]


def bad_day() -> list[LogLine]:
    """Ten writes a second; replication takes 0.5 s and stops at 3.0; the fault at 5.0; the secondary is ill until 7.0.

    The fault is undone at 10.0; then what was held back arrives, and the clients go home.
    """
    lines: list[LogLine] = []
    for number in range(150):
        at_s, name = number / 10, f"w{number:03}"
        if at_s < 5 or at_s >= 10.5:
            lines.append(good(name, at_s))
            lines.append(seen(name, at_s + TOOK_S + 0.5 if at_s < 2.5 or at_s > 10 else 10.2))
        else:
            lines.append(lost(name, at_s) if at_s < 7 else over(name, at_s))
    lines += reads(0.0, 16.0)
    lines += [Mark("load", 0.0), Mark("strike", 4.95), Mark("fault", 5.0)]
    lines += [Mark("undoing", 10.0), Mark("undone", 10.05), Mark("load ended", 15.0), Mark("reconciled", 15.6)]
    return lines
