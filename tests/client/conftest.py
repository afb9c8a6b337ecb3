import itertools
import threading
from collections.abc import Iterator

import pytest

from client.servers import Server, serving
from client.speakers import Language, Node, Python, Speaker


@pytest.fixture
def primary() -> Iterator[Server]:
    with serving("us-east-1") as server:
        yield server


@pytest.fixture
def secondary() -> Iterator[Server]:
    with serving("us-west-2") as server:
        yield server


@pytest.fixture(scope="session")
def speaker(processes: None) -> Iterator[Speaker]:
    speaker = Speaker()
    try:
        yield speaker
    finally:
        speaker.end()


_numbers = itertools.count(1)


@pytest.fixture(params=["python", pytest.param("node", marks=pytest.mark.processes)])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Language]:
    """Each language that the client is written in: one table of cases holds both."""
    released = threading.Event()
    try:
        if request.param == "node":
            yield Node(request.getfixturevalue("speaker"), lambda: next(_numbers))
        else:
            yield Python(monkeypatch, released)
    finally:
        released.set()
