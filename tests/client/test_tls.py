"""Function URLs are https: the clock holds for the handshake too, and nothing is sent before it is done."""

import itertools
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.client import Limits, RegionUrl, Trouble, Unavailable
from client.servers import Mood, Server, serving
from client.speakers import Language, Node, Python, Speaker

HOST = "abc.lambda-url.us-east-1.test"
LIMITS = Limits(attempt_s=0.5)


@pytest.fixture(scope="module")
def certificate(processes: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of its own for the host, in one file."""
    path = tmp_path_factory.mktemp("tls") / "host.pem"
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *subject]
    subprocess.run([*command, "-keyout", path, "-out", f"{path}.crt", "-days", "2"], check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture(scope="module")
def trusting(certificate: Path) -> Iterator[Speaker]:
    speaker = Speaker(NODE_EXTRA_CA_CERTS=str(certificate))
    yield speaker
    speaker.end()


@pytest.fixture(params=["python", "node"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, certificate: Path) -> Language:
    if request.param == "node":
        return Node(request.getfixturevalue("trusting"), lambda: next(_numbers))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return Python(monkeypatch, threading.Event())


_numbers = itertools.count(1)


@pytest.fixture
def secure(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving("us-east-1", tls=context) as server:
        yield server


def test_a_connection_over_tls_is_used_again(language: Language, secure: Server) -> None:
    language.resolve(HOST, ["127.0.0.1"])
    client = language.client(RegionUrl("us-east-1", f"https://{HOST}:{secure.port}/"))
    assert [client.request("POST", "/items", body=b"x" * 100_000).status for _ in range(3)] == [200] * 3
    assert (len(secure.seen), secure.connections) == (3, 1)
    assert secure.seen[0][3] == b"x" * 100_000


def test_nothing_is_sent_to_whoever_has_another_name_s_certificate(
    language: Language, secure: Server, secondary: Server
) -> None:
    language.resolve("other.test", ["127.0.0.1"])
    client = language.client(RegionUrl("us-east-1", f"https://other.test:{secure.port}/"), secondary.region)
    assert client.request("POST", "/items").region == "us-west-2"
    assert client.attempts[0].outcome is Trouble.NOT_SENT
    assert secure.seen == []


@pytest.mark.alone
def test_nothing_was_sent_where_a_handshake_hangs(language: Language, secondary: Server) -> None:
    language.resolve(HOST, ["127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as mute:
        region = RegionUrl("us-east-1", f"https://{HOST}:{mute.getsockname()[1]}/")
        client = language.client(region, secondary.region, limits=LIMITS)
        began = time.monotonic()
        assert client.request("POST", "/items").region == "us-west-2"
    assert client.attempts[0].outcome is Trouble.NOT_SENT
    assert time.monotonic() - began < 1.5


@pytest.mark.alone
@pytest.mark.parametrize("mood", ["hangs", "drips", "drips headers"])
def test_who_drips_over_tls_is_waited_for_no_longer_than_that(language: Language, secure: Server, mood: Mood) -> None:
    language.resolve(HOST, ["127.0.0.1"])
    secure.mood = mood
    client = language.client(RegionUrl("us-east-1", f"https://{HOST}:{secure.port}/"), limits=LIMITS)
    began = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        client.request("PUT", "/items", body=b"x")
    assert time.monotonic() - began < 1.5
    assert [attempt.outcome for attempt in raised.value.attempts] == [Trouble.TIMED_OUT]
