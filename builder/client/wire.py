"""One request to one function URL over HTTP, signed where there are credentials."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from builder.client.records import Answer, Region, Trouble

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of whichever region; `target` is path and query, as they are sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Wire:
    """The connections, who signs, and where to connect if not where the URL says."""

    pool: PoolManager
    credentials: Credentials | None
    endpoint: str | None

    def send(self, region: Region, request: Request, *, limit_s: float) -> Answer | Trouble:
        """Return what the region answered within the limit, body included, or why it did not."""
        url = region.url.rstrip("/") + request.target
        headers = {**request.headers, "host": urlsplit(url).netloc}
        if self.credentials is not None:
            headers = _sign(self.credentials, region, request, url, headers)
        until = time.monotonic() + limit_s
        try:
            response = self.pool.request(
                request.method,
                url if self.endpoint is None else self.endpoint.rstrip("/") + request.target,
                body=request.body,
                headers=headers,
                timeout=Timeout(total=limit_s),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            return _read(region, response, until)
        except (ConnectTimeoutError, NewConnectionError):
            return Trouble.NOT_SENT
        except (ReadTimeoutError, TimeoutError):
            return Trouble.TIMED_OUT
        except HTTPError:
            return Trouble.BROKEN_OFF


def _read(region: Region, response: BaseHTTPResponse, until: float) -> Answer:
    """Return the answer; raises TimeoutError where the body is not there by then, however steadily it drips."""
    body = b""
    try:
        while part := response.read1(_CHUNK):
            body += part
            _check(until)
    except BaseException:
        # Half read, so the connection is of no use to anybody.
        response.close()
        raise
    response.release_conn()
    return Answer(region.name, response.status, {name.lower(): value for name, value in response.headers.items()}, body)


def _check(until: float) -> None:
    if time.monotonic() > until:
        raise TimeoutError


def _sign(
    credentials: Credentials, region: Region, request: Request, url: str, headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the headers with a signature for the service `lambda` in the region.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    signed = AWSRequest(method=request.method, url=url, data=request.body, headers=dict(headers))
    SigV4Auth(credentials.get_frozen_credentials(), "lambda", region.name).add_auth(signed)
    return dict(signed.headers.items())
