"""What AWS has no API for: how long replication takes, function URLs out of order, and what they were asked.

    GET, PUT /_builder/replication    {"delays": [{"service": "dynamodb", "from": "us-east-1", "to": "us-west-2",
                                                   "delay_s": 0.8, "paused": false}]}
    GET, PUT /_builder/faults         {"function_urls": [{"region": "us-west-2", "status": 503, "delay_s": 0.0,
                                                          "for_s": 3.0}]}
    GET      /_builder/requests       {"requests": [{"time": 1790000000.0, "region": "us-west-2", "method": "GET",
                                                     "path": "/health", "status": 200, "duration_s": 0.004}]}

A PUT changes the directions and regions it names and leaves the rest; it answers as GET does. A fault has a status, a
delay or both; `for_s` null is until it is ended, by 0. Times are seconds since the epoch. `POST /_ministack/reset` ends
all of it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter import function_url_outage, replication_delay
from builder.local.adapter.fis_laboratory import Laboratory
from builder.local.adapter.function_url_outage import Outages
from builder.local.adapter.propagation import Propagation
from builder.local.asgi import App, Receive, Scope, Send, read_body, send_json

Document = Mapping[str, Any]

_RESET = "/_ministack/reset"


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a drill changes beside what the emulator stores."""

    propagation: Propagation
    outages: Outages
    laboratory: Laboratory

    def forget(self) -> None:
        """Be as at the start."""
        self.propagation.forget()
        self.outages.forget()
        self.laboratory.forget()


def wrap(app: App, ground: Ground) -> App:
    """Return the application, with these paths answered and every other request after what was due has arrived."""
    propagation, outages = ground.propagation, ground.outages
    reads: dict[str, Callable[[], Document]] = {
        "/_builder/replication": lambda: replication_delay.read(propagation),
        "/_builder/faults": lambda: function_url_outage.read_faults(outages),
        "/_builder/requests": lambda: function_url_outage.read_requests(outages),
    }
    writes: dict[str, Callable[[Document], None]] = {
        "/_builder/replication": lambda wanted: replication_delay.change(propagation, wanted),
        "/_builder/faults": lambda wanted: function_url_outage.change_faults(outages, wanted),
    }

    async def controlled(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        ground.laboratory.heed_alarms()
        propagation.settle()
        path = scope["path"]
        if path == _RESET and scope["method"] == "POST":
            ground.forget()
        if not path.startswith("/_builder/"):
            await app(scope, receive, send)
            return
        status, document = _answer(scope["method"], reads.get(path), writes.get(path), await read_body(receive))
        propagation.settle()
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
