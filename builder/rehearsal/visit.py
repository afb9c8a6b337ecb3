"""Requests to a function URL, as curl would send them; on the embedded AWS through its endpoint."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from builder.client import Region, Request, Trouble
from builder.client.wire import Wire
from builder.errors import Failed

# The first request of all waits for the function's process to start.
_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who calls function URLs of one embedded AWS; signs where the URLs want it."""

    endpoint: str
    account: str
    signs: bool

    def call(self, method: str, url: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body. Raises Failed for an answer that is not JSON, or for none."""
        parts = urlsplit(url)
        region = Region(parts.netloc.split(".")[2], f"{parts.scheme}://{parts.netloc}")
        data = b"" if body is None else json.dumps(body).encode()
        request = Request(method, parts.path, {"content-type": "application/json"}, data)
        with Wire(Credentials(self.account, "rehearsal") if self.signs else None, self.endpoint) as wire:
            answer = wire.send(region, request, limit_s=_PATIENCE_S)
        if isinstance(answer, Trouble):
            raise Failed(where=url, what=f"no JSON answer to {method}: {answer.value}")
        try:
            return answer.status, json.loads(answer.body)
        except ValueError as error:
            raise Failed(where=url, what=f"no JSON answer to {method}: {error}") from error
