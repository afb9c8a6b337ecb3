import hashlib
from collections.abc import Callable, Iterator

import pytest

from builder.local import EmbeddedAws
from policy.guarded import Guarded


@pytest.fixture(scope="session")
def strict(processes: None) -> Iterator[EmbeddedAws]:
    """An embedded AWS that enforces IAM."""
    with EmbeddedAws(enforce_iam=True) as running:
        yield running


@pytest.fixture
def account_of(strict: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Guarded]:
    """An account on it by any name, with nothing in it at first."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", strict.endpoint)

    def make(name: str) -> Guarded:
        return Guarded(f"{int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10**12:012d}")

    return make


@pytest.fixture
def guarded(account_of: Callable[[str], Guarded], request: pytest.FixtureRequest) -> Guarded:
    """An account of the test's own."""
    return account_of(request.node.nodeid)
