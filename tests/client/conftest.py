from collections.abc import Iterator

import pytest

from client.servers import Server, serving


@pytest.fixture
def primary() -> Iterator[Server]:
    with serving("us-east-1") as server:
        yield server


@pytest.fixture
def secondary() -> Iterator[Server]:
    with serving("us-west-2") as server:
        yield server
