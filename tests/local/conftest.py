"""The embedded AWS that all tests of a worker share, and an account of its own for each test."""

import hashlib

import pytest

from builder.local import EmbeddedAws
from local.account import Account


@pytest.fixture(scope="session")
def aws(embedded: EmbeddedAws) -> EmbeddedAws:
    return embedded


@pytest.fixture
def account(aws: EmbeddedAws, request: pytest.FixtureRequest) -> Account:
    number = int(hashlib.sha256(request.node.nodeid.encode()).hexdigest(), 16) % 10**12
    return Account(endpoint=aws.endpoint, id=f"{number:012d}")
