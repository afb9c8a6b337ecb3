"""What nobody can interrupt holds up neither a request nor the process, and takes few threads."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from builder.client import FailoverClient, HalfOpen, Limits, Unavailable
from builder.client.connection import Errands
from client.servers import Server


@pytest.fixture
def released() -> threading.Event:
    return threading.Event()


def test_an_errand_returns_what_its_function_does_and_raises_what_it_raises() -> None:
    errands = Errands()
    assert errands.run("a", lambda: 7, limit_s=5) == 7
    with pytest.raises(ZeroDivisionError):
        errands.run("a", lambda: 1 // 0, limit_s=5)


@pytest.mark.alone
def test_a_wait_ends_in_time(released: threading.Event) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Errands().run("a", released.wait, limit_s=0.1)
    assert 0.1 <= time.monotonic() - began < 1
    released.set()


def test_threads_grow_with_the_logarithm_of_the_time_and_not_with_the_requests(released: threading.Event) -> None:
    errands = Errands()

    def wait(_: int) -> bool:
        with pytest.raises(TimeoutError):
            errands.run("a", released.wait, limit_s=0.8)
        return True

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(wait, range(32)))
    assert errands.under_way() == 2
    released.set()


def test_another_call_that_comes_back_is_enough(released: threading.Event) -> None:
    """The first may hang for good: a lookup that a lost network has swallowed."""
    calls: list[int] = []

    def first_hangs() -> str:
        calls.append(1)
        if len(calls) == 1:
            released.wait(30)
        return "answer"

    assert Errands().run("a", first_hangs, limit_s=10) == "answer"
    assert len(calls) == 2
    released.set()


@pytest.mark.alone
def test_credentials_that_refresh_slowly_cost_no_more_than_the_deadline(
    primary: Server, released: threading.Event
) -> None:
    def refresh() -> dict[str, str]:
        released.wait(30)
        return {"access_key": "A", "secret_key": "s", "token": "t", "expiry_time": "2099-01-01T00:00:00Z"}

    slow = RefreshableCredentials.create_from_metadata(
        {"access_key": "A", "secret_key": "s", "token": "t", "expiry_time": "2020-01-01T00:00:00Z"}, refresh, "test"
    )
    client = FailoverClient((primary.region,), credentials=slow)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="the credentials were not refreshed in time") as raised:
        client.request("POST", "/", deadline_s=0.2)
    assert time.monotonic() - began < 1
    assert not raised.value.may_have_happened
    released.set()
    assert client.request("POST", "/").status == 200
    assert "Credential=A/" in primary.seen[0][2]["authorization"]


def test_a_forked_process_speaks_on_connections_and_probes_of_its_own(primary: Server, secondary: Server) -> None:
    limits = Limits(failures_to_open=1, open_s=0)
    client = FailoverClient((primary.region, secondary.region), limits=limits, credentials=Credentials("A", "s"))
    primary.mood = 503
    client.request("GET", "/")
    # As another thread leaves it that probes while this one forks, with the lock in its hands.
    client._circuits["us-east-1"] = HalfOpen(0, probing=True)
    client._lock.acquire()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = client.request("GET", "/child")
            os.write(writing, f"{answer.region} {type(client.circuits()['us-east-1']).__name__}".encode())
        finally:
            os._exit(0)
    client._lock.release()
    os.waitpid(child, 0)
    assert os.read(reading, 999) == b"us-west-2 Open"
    os.close(reading)
    os.close(writing)
    # The parent's connections are as they were; the child made its own.
    assert client.request("GET", "/parent").region == "us-west-2"
    assert (primary.connections, secondary.connections) == (2, 2)


@pytest.mark.processes
def test_a_lookup_that_hangs_does_not_keep_a_process_from_its_end() -> None:
    code = """
import socket, threading
look_up = socket.getaddrinfo
def hang(host, *args, **kwargs):
    if kwargs.get("flags"):
        return look_up(host, *args, **kwargs)
    threading.Event().wait()
socket.getaddrinfo = hang
from builder.client import FailoverClient, RegionUrl, Unavailable
try:
    FailoverClient((RegionUrl("a", "http://nobody.test"),)).request("GET", "/", deadline_s=0.1)
except Unavailable as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout == "no region answered in time (a: no connection)\n"
