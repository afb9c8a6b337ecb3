"""What AWS has no API for: the delay of replication, faults of function URLs and of regions, and the log of requests.

    GET, PUT /_builder/replication    {"delays": [{"service": "dynamodb", "from": "us-east-1", "to": "us-west-2",
                                                   "delay_s": 0.8, "paused": false}]}
    GET, PUT /_builder/faults         {"function_urls": [{"region": "us-west-2", "status": 503, "delay_s": 0.0,
                                                          "for_s": 3.0}],
                                       "regions": [{"region": "us-east-1", "status": 503, "delay_s": 0.0,
                                                    "for_s": 3.0, "services": null, "imports_too": false}]}
    GET      /_builder/requests       {"requests": [{"time": 1790000000.0, "region": "us-west-2", "method": "GET",
                                                     "path": "/health", "status": 200, "duration_s": 0.004}]}

A PUT changes the directions and regions it names and leaves the rest, all or none; it answers as GET does. A fault has
a status, a delay or both; `for_s` null is until it is ended, by 0. One of the two lists of faults may be left out.
Times are seconds since the epoch. `POST /_ministack/reset` ends all of it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter import regions as lost
from builder.local.adapter.fis.experiments import FisStore
from builder.local.adapter.functions import urls
from builder.local.adapter.functions.urls import Outages, read_requests
from builder.local.adapter.regions import Regions
from builder.local.adapter.replication import Delay, Direction, Replication
from builder.local.adapter.s3.batch import Jobs
from builder.local.asgi import App, Receive, Scope, Send, read_body, send_json

Document = Mapping[str, Any]

_RESET = "/_ministack/reset"


@dataclass(frozen=True, slots=True)
class ControlState:
    """What a drill changes beside what the emulator stores."""

    replication: Replication
    outages: Outages
    regions: Regions
    fis: FisStore
    jobs: Jobs

    def reset(self) -> None:
        """End every delay, pause and fault, and drop every experiment and job."""
        self.replication.reset()
        self.outages.reset()
        self.regions.reset()
        self.fis.reset()
        self.jobs.reset()


def wrap(app: App, state: ControlState) -> App:
    """Return the application, which answers these paths itself, and delivers what is due before any request."""
    replication, outages = state.replication, state.outages
    reads: dict[str, Callable[[], Document]] = {
        "/_builder/replication": lambda: read_delays(replication),
        "/_builder/faults": lambda: read_faults(state),
        "/_builder/requests": lambda: read_requests(outages),
    }
    writes: dict[str, Callable[[Document], None]] = {
        "/_builder/replication": lambda document: change_delays(replication, document),
        "/_builder/faults": lambda document: change_faults(state, document),
    }

    async def controlled(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        state.fis.check_alarms()
        replication.deliver_due()
        path = scope["path"]
        if path == _RESET and scope["method"] == "POST":
            state.reset()
        if not path.startswith("/_builder/"):
            await app(scope, receive, send)
            return
        status, document = _answer(scope["method"], reads.get(path), writes.get(path), await read_body(receive))
        replication.deliver_due()
        await send_json(send, status, document)

    return controlled


def _answer(
    method: str, read: Callable[[], Document] | None, write: Callable[[Document], None] | None, body: bytes
) -> tuple[int, Document]:
    if read is None:
        return 404, {"message": "there is /_builder/replication, /_builder/faults and /_builder/requests"}
    if method == "PUT" and write is not None:
        try:
            write(json.loads(body))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return 400, {"message": f"not understood: {type(error).__name__}: {error}"}
    elif method != "GET":
        return 405, {"message": f"{method} is not answered here"}
    return 200, read()


def read_faults(state: ControlState) -> Document:
    """Return the faults in force, of function URLs and of whole regions."""
    return {"function_urls": urls.read_faults(state.outages), "regions": lost.read_faults(state.regions)}


def change_faults(state: ControlState, document: Document) -> None:
    """Start the faults of a document. Raises ValueError, KeyError or TypeError for a wrong one."""
    if not document.keys() & {"function_urls", "regions"}:
        raise KeyError("function_urls")
    of_urls = urls.make_faults(document.get("function_urls", []), state.outages.clock())
    of_regions = lost.make_faults(document.get("regions", []), state.regions.clock())
    state.outages.faults.update(of_urls)
    state.regions.faults.update(of_regions)


_SERVICES = ("dynamodb", "s3")


def read_delays(replication: Replication) -> Mapping[str, Any]:
    """Return every direction with a delay or a pause."""
    return {
        "delays": [
            {
                "service": direction.service,
                "from": direction.source,
                "to": direction.destination,
                "delay_s": delay.delay_s,
                "paused": delay.paused,
            }
            for direction, delay in replication.delays.items()
        ]
    }


def change_delays(replication: Replication, document: Mapping[str, Any]) -> None:
    """Set the directions of a document, all or none. Raises ValueError, KeyError or TypeError for a wrong one."""
    replication.delays.update([_read_delay(entry) for entry in document["delays"]])


def _read_delay(entry: Mapping[str, Any]) -> tuple[Direction, Delay]:
    if entry["service"] not in _SERVICES:
        raise ValueError(f"service {entry['service']!r} is none of {', '.join(_SERVICES)}")
    delay_s, paused = float(entry.get("delay_s", 0.0)), entry.get("paused", False)
    if not 0 <= delay_s < float("inf") or not isinstance(paused, bool):
        raise ValueError(f"delay_s is a number from 0 on and paused true or false, not {delay_s} and {paused!r}")
    return Direction(entry["service"], str(entry["from"]), str(entry["to"])), Delay(delay_s, paused)
