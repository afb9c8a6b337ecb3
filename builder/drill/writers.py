"""Probes written as an application would: items over the URLs by the failover client, objects into a bucket."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from botocore.credentials import Credentials

from builder import client
from builder.aws import Clients, aws_errors
from builder.drill.clock import Clock
from builder.drill.probe import Probe, item_path, object_key
from builder.drill.records import Attempt, Write
from builder.drill.target import Side
from builder.errors import AwsError
from builder.terms import Region

Writer = Callable[[Probe], Write]
"""Writes a probe, and returns how that went; for any thread."""


@dataclass(frozen=True, slots=True)
class Access:
    """How function URLs are reached."""

    endpoint: str | None = None
    """Where to connect instead of the URL's own host: the embedded AWS."""
    credentials: Credentials | None = None
    """By whom requests are signed, where a URL wants that."""


def item_writer(sides: Sequence[Side], access: Access, clock: Clock) -> Writer:
    """Return a writer that prefers the first side, and falls over to the next."""
    made = threading.local()

    def note(one: client.Attempt) -> None:
        status = one.outcome if isinstance(one.outcome, int) else None
        made.attempts.append(Attempt(Region(one.region), one.started, one.started + one.duration_s, status))

    failover = client.FailoverClient(
        tuple(client.Region(side.region, side.url) for side in sides),
        credentials=access.credentials if any(side.signs for side in sides) else None,
        endpoint=access.endpoint,
        on_attempt=note,
        clock=clock.passed_s,
    )

    def write(probe: Probe) -> Write:
        made.attempts = []
        with suppress(client.Unavailable):
            failover.request(
                "PUT",
                f"/{item_path(probe.id)}",
                body=probe.body.encode(),
                headers={"content-type": "application/json"},
            )
        return Write(probe.id, "item", probe.body, tuple(made.attempts))

    return write


def object_writer(side: Side, drill: str, clients: Clients, clock: Clock) -> Writer:
    """Return a writer that puts objects into a side's bucket."""
    s3 = clients.of(side.site).s3(side.region)

    def write(probe: Probe) -> Write:
        began_s, status = clock.passed_s(), None
        with suppress(AwsError), aws_errors(f"{side.region}: {side.needed_bucket}"):
            s3.put_object(Bucket=side.needed_bucket, Key=object_key(drill, probe.id), Body=probe.body.encode())
            status = 200
        return Write(probe.id, "object", probe.body, (Attempt(side.region, began_s, clock.passed_s(), status),))

    return write
