"""One request to one function URL over HTTP, signed if there are credentials."""

import http.client
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials

from builder.client.connection import Connections, Errands, Peer
from builder.client.records import Answer, RegionUrl, Request, Trouble

_CHUNK = 65536
_PORTS = {"http": 80, "https": 443}
_AGENT = "builder.client"
# The characters of a target that are sent as they are. All others are percent-encoded.
_SAFE = "%/?:@!$&'()*+,;=~"


class Wire:
    """Sends requests, over kept connections and with signatures. Threads may share one.

    `endpoint` is where to connect instead of to the URL's own host.
    """

    def __init__(
        self, credentials: Credentials | None = None, endpoint: str | None = None, errands: Errands | None = None
    ) -> None:
        self._credentials = credentials
        self._endpoint = endpoint
        self._errands = errands or Errands()
        self._connections = Connections(self._errands)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept for the next request."""
        self._connections.close()

    def freeze(self, limit_s: float) -> ReadOnlyCredentials | None:
        """Return the credentials to sign with, None for none. Raises TimeoutError if a refresh takes longer."""
        if self._credentials is None:
            return None
        if not hasattr(self._credentials, "refresh_needed"):
            return self._credentials.get_frozen_credentials()
        return self._errands.run("credentials", self._credentials.get_frozen_credentials, limit_s=limit_s)

    def send(
        self,
        region: RegionUrl,
        request: Request,
        *,
        limit_s: float,
        connect_s: float | None = None,
        frozen: ReadOnlyCredentials | None = None,
    ) -> Answer | Trouble:
        """Return the region's answer within the limit, or why there is none.

        `limit_s` is for everything together: resolving the name, trying every address, TLS, headers and body, however
        slowly they arrive. `connect_s` is for all that happens before anything is sent. `frozen` signs the request, or
        else the credentials.
        """
        began = time.monotonic()
        until = began + limit_s
        target = quote(request.target, safe=_SAFE)
        url = region.url.rstrip("/") + target
        parts = urlsplit(url if self._endpoint is None else self._endpoint.rstrip("/") + target)
        given = {name.lower(): value for name, value in request.headers.items()}
        headers = {"user-agent": _AGENT, **given, "host": urlsplit(url).netloc}
        try:
            frozen = frozen or self.freeze(limit_s)
            if frozen is not None:
                headers = _sign(frozen, region, request, url, headers)
            peer = Peer(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
            connection = self._connections.take(
                peer, until if connect_s is None else min(until, began + connect_s), until
            )
        except OSError:
            return Trouble.NOT_SENT
        whole = False
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request(request.method, path, request.body, headers)
            response = connection.getresponse()
            answer = _read(region, response)
            whole = not response.will_close
        except TimeoutError:
            return Trouble.TIMED_OUT
        except (OSError, http.client.HTTPException):
            return Trouble.BROKEN_OFF
        finally:
            # A connection that was only read or written in part cannot be used again.
            if whole:
                self._connections.keep(peer, connection)
            else:
                connection.close()
        return answer


def _read(region: RegionUrl, response: http.client.HTTPResponse) -> Answer:
    """Return the answer. Raises IncompleteRead if the other end closes the connection too early."""
    body = bytearray()
    with response:
        while part := response.read1(_CHUNK):
            body += part
        if response.length:
            raise http.client.IncompleteRead(bytes(body), response.length)
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Answer(region.name, response.status, headers, bytes(body))


def _sign(
    credentials: ReadOnlyCredentials, region: RegionUrl, request: Request, url: str, headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the headers with a signature for the service `lambda` in the region.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    signed = AWSRequest(method=request.method, url=url, data=request.body, headers=dict(headers))
    SigV4Auth(credentials, "lambda", region.name).add_auth(signed)
    return dict(signed.headers.items())
