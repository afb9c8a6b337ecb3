"""What `pytest --aws` refuses, and what it collects."""

import os
import subprocess
import sys

import boto3
import pytest

from answer import ROOT, Answer
from on_aws.lab import Lab, topic
from on_aws.plugin import check_account


def test_the_account_of_the_credentials_is_taken(session: boto3.Session, account_id: str) -> None:
    check_account(account_id, session)


def test_any_other_account_is_refused(session: boto3.Session, account_id: str) -> None:
    with pytest.raises(pytest.UsageError, match=f"the credentials are of account {account_id}; nothing was made"):
        check_account("111122223333", session)


@pytest.mark.parametrize("typed", ["", "1111", "1111-2222-3333", "11112222333x", "1111222233334", "production"])
def test_what_is_no_account_is_refused_before_anybody_is_asked(typed: str, session: boto3.Session) -> None:
    with pytest.raises(pytest.UsageError, match="an account has twelve digits"):
        check_account(typed, session)


def test_without_credentials_nothing_begins(account_id: str) -> None:
    # The settings of all tests name no profile, and no machine is asked for its role.
    with pytest.raises(pytest.UsageError, match="nobody says whose the credentials are: Unable to locate credentials"):
        check_account(account_id, boto3.Session())


def test_a_region_that_does_not_answer_is_no_account(
    session: boto3.Session, account_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(pytest.UsageError, match="nobody says whose the credentials are: Could not connect"):
        check_account(account_id, boto3.Session())


def begin(*arguments: str) -> "subprocess.Popen[str]":
    """Begin pytest as somebody types it, with the settings of this test's embedded AWS for the caller's own."""
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider", *arguments]
    out = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, text=True, env=dict(os.environ))


def run(*arguments: str) -> Answer:
    with begin(*arguments) as process:
        out, err = process.communicate()
        return Answer(process.returncode, out, err)


def test_who_names_another_account_is_told_so_and_no_test_runs(session: boto3.Session) -> None:
    ended = run("--aws", "111122223333")
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "--aws 111122223333: the credentials are of account" in ended.err
    assert session.client("cloudformation", "us-east-1").describe_stacks()["Stacks"] == []


@pytest.mark.acceptance
def test_it_runs_what_is_for_aws_alone_and_takes_away_what_a_killed_run_has_left(lab: Lab) -> None:
    lab.deploy("mine", topic())
    killed = begin("--aws", lab.account, "-k", "test_cloudformation_deletes_a_global")
    left = lab.until(lambda: set(_stacks(lab)) - {lab.name("mine")} or None, "the stack of a run")
    killed.kill()
    killed.communicate()
    ended = run("--aws", lab.account, "-k", "test_the_administration_role or test_any_other")
    assert (ended.code, ended.err) == (0, ""), ended.out
    assert "1 passed, " in ended.out
    for name in left:
        assert f"taken away: us-east-1 {name}\n" in ended.out
    assert _stacks(lab) == [lab.name("mine")]


def _stacks(lab: Lab) -> list[str]:
    return [each["StackName"] for each in lab.cfn.describe_stacks()["Stacks"]]
