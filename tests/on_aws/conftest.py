"""Each test of this folder runs on AWS where pytest is told an account, else on the embedded AWS; what that is known
to play otherwise must fail there."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import boto3
import pytest

from builder.local import EmbeddedAws
from on_aws.gaps import GAPS
from on_aws.lab import Lab
from on_aws.mark import Mark, this_run
from on_aws.people import Person, let_in
from on_aws.plugin import REGIONS, fresh_suffix
from on_aws.sweep import sweep


@pytest.fixture(scope="session")
def embedded(request: pytest.FixtureRequest) -> Iterator[EmbeddedAws | None]:
    """An embedded AWS that enforces IAM, since some facts are about permissions; None where it is AWS that is asked."""
    if request.config.getoption("aws_account"):
        yield None
        return
    with EmbeddedAws(enforce_iam=True) as running:
        yield running


@pytest.fixture
def account_id(request: pytest.FixtureRequest) -> str:
    typed: str | None = request.config.getoption("aws_account")
    number = int(hashlib.sha256(request.node.nodeid.encode()).hexdigest(), 16) % 10**12
    return typed or f"{number:012d}"


@pytest.fixture
def session(embedded: EmbeddedAws | None, account_id: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """AWS as the caller reaches it, or the embedded one by the same environment variables."""
    if embedded:
        monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", account_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return boto3.Session()


@pytest.fixture
def mark() -> Mark:
    return replace(this_run(), test=fresh_suffix())


@pytest.fixture
def lab(
    request: pytest.FixtureRequest, embedded: EmbeddedAws | None, session: boto3.Session, account_id: str, mark: Mark
) -> Iterator[Lab]:
    """A corner of the account, swept when the test is over."""
    if embedded and (reason := GAPS.get(request.node.originalname)):
        request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    every_s, patience_s = (0.03, 60.0) if embedded else (4.0, 1800.0)
    yield Lab(session, account_id, mark, every_s, patience_s)
    assert sweep(session, REGIONS, lambda other: other == mark, every_s=every_s).stays == []


@pytest.fixture
def person(lab: Lab) -> Person:
    return partial(let_in, lab)
