"""Requests to a function URL, as curl would send them; on the embedded AWS through its endpoint."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from builder.errors import Failed


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who calls function URLs of one embedded AWS; signs where the URLs want it."""

    endpoint: str
    account: str
    signs: bool

    def call(self, method: str, url: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Return status and JSON body. Raises Failed for an answer that is not JSON, or for none."""
        parts = urlsplit(url)
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"host": parts.netloc, "content-type": "application/json"}
        if self.signs:
            request = AWSRequest(method=method, url=url, data=data, headers=headers)
            signer = SigV4Auth(Credentials(self.account, "rehearsal"), "lambda", parts.netloc.split(".")[2])
            signer.add_auth(request)
            headers = dict(request.headers.items())
        try:
            answer = urllib3.request(
                method, self.endpoint + parts.path, headers=headers, body=data, timeout=30, retries=False
            )
            return answer.status, json.loads(answer.data)
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Failed(where=url, what=f"no JSON answer to {method}: {error}") from error
