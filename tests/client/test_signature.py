"""The Node.js client signs as botocore does."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from client.speakers import Speaker

AT = datetime(2026, 11, 28, 12, 34, 56, tzinfo=UTC)
HOST = "abc.lambda-url.us-west-2.on.aws"


@pytest.mark.parametrize("token", [None, "token/+="])
@pytest.mark.parametrize("body", ["", '{"a": "\u00e9"}'])
@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/items/a%20b",
        "/items/a%2Fb?n=1",
        "/items//a/./b/../c/",
        "/items/it's(1)*!~",
        "/items/%C3%A9:;@&=+$,",
        "/items?b=2&a=2&a=1&A=0&c",
        "/items?q=a%20b%2B&q=%C3%A9&x=1=2",
    ],
)
def test_the_signature_is_botocore_s(
    speaker: Speaker, monkeypatch: pytest.MonkeyPatch, target: str, body: str, token: str | None
) -> None:
    data = body.encode("latin-1")
    headers = {"host": HOST, "x-mine": " a   b ", "content-type": "application/json", "user-agent": "anybody"}
    signed = AWSRequest(method="PUT", url=f"https://{HOST}{target}", data=data, headers=headers)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: AT)
    SigV4Auth(Credentials("AKID", "secret", token), "lambda", "us-west-2").add_auth(signed)
    keys = {"accessKeyId": "AKID", "secretAccessKey": "secret", "sessionToken": token}
    request = {"method": "PUT", "target": target, "headers": headers, "payload": body}
    signature = speaker.say("sign", keys=keys, region="us-west-2", request=request, at=AT.isoformat())
    assert signature["authorization"] == signed.headers["Authorization"]
    assert signature["x-amz-date"] == signed.headers["X-Amz-Date"]
    assert signature.get("x-amz-security-token") == token
