from collections.abc import Iterator

import pytest

from builder.local import EmbeddedAws
from local.account import Account
from local.adapter.strict import Strict


@pytest.fixture(scope="session")
def enforcing(processes: None) -> Iterator[EmbeddedAws]:
    """An embedded AWS that enforces IAM."""
    with EmbeddedAws(enforce_iam=True) as running:
        yield running


@pytest.fixture
def strict(enforcing: EmbeddedAws, account: Account) -> Strict:
    """An account on it."""
    return Strict(enforcing.endpoint, account.id)
