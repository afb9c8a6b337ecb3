"""Who lacks a right: which action it is, what for, and which policy has it, whatever verb it was."""

from collections.abc import Mapping

import click
import pytest

from builder.cli.denied import policies_of
from builder.cli.options import Options
from builder.cli.system import _observe_promotion
from builder.policy import Verb
from cli.on_fake import OnWorld
from cli.test_main import EVERY
from fake_aws import Fault

PLAN = "python -m builder policy plan    has what is needed"
# By what is typed and what may not be called: how it ends, and what is said next.
DENIED: Mapping[tuple[str, str], tuple[int, str]] = {
    ("plan --env new", "DescribeTable"): (1, f"{PLAN}: dynamodb:DescribeTable (whether a table stands that is to be"),
    ("plan --env new", "DescribeStacks"): (1, f"{PLAN}: cloudformation:DescribeStacks (what stands"),
    ("plan --env new", "CreateChangeSet"): (1, f"{PLAN}: cloudformation:CreateChangeSet (a change set for each"),
    ("plan --env new", "GetParameter"): (4, "; whether a region is being promoted)"),
    ("deploy --yes --env new", "DescribeTable"): (1, "builder policy plan execute    has what is needed: dynamodb:"),
    ("promote us-west-2 --yes", "DescribeTable"): (1, "builder policy promote    has what is needed: dynamodb:"),
    ("promote us-west-2 --yes", "DescribeStackResources"): (
        1,
        "policy promote    has what is needed: cloudformation:DescribeStackResources (whose it is)",
    ),
    ("promote us-west-2 --yes", "GetParameter"): (4, "builder policy promote    has what is needed: ssm:GetParameter"),
    ("promote us-west-2 --yes", "ListObjectVersions"): (1, "; what has not gone over by a rule that is turned round)"),
    ("drill replication", "DescribeStacks"): (1, "policy drill    has what is needed: cloudformation:DescribeStacks ("),
    ("failback --check", "DescribeStacks"): (1, "policy failback    has what is needed: cloudformation:DescribeStacks"),
    ("destroy --yes", "DescribeTable"): (1, "policy destroy    has what is needed: dynamodb:DescribeTable (which"),
    ("destroy --yes", "GetTemplate"): (1, "policy destroy    has what is needed: cloudformation:GetTemplate (what a"),
    ("outputs", "DescribeStacks"): (1, "policy status    has what is needed: cloudformation:DescribeStacks"),
}

# They ask AWS nothing, or nothing that `policy` could allow: the embedded AWS, or which account it is.
WITHOUT_POLICY = {
    *("init", "render", "build", "lint", "graph", "policy", "rehearse", "local", "drill history", "runbook"),
}


def test_every_verb_that_asks_aws_has_a_policy() -> None:
    verbs = {name for name, command in EVERY.items() if not isinstance(command, click.Group)}
    assert {verb for verb in verbs if not set(policies_of(verb)) <= set(Verb)} == WITHOUT_POLICY


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "operation"), DENIED)
def test_what_is_denied_is_told_with_the_action_its_purpose_and_the_policy(
    on_deployed: OnWorld, typed: str, operation: str
) -> None:
    on_deployed.world.faults.add(Fault.DENIED, operation=operation)
    answer = on_deployed(*typed.split())
    code, words = DENIED[typed, operation]
    assert answer.code == code, answer
    assert f"not allowed to call {operation}" in answer.err
    assert words in answer.err.splitlines()[-1]


def test_a_bucket_that_may_not_be_seen_is_no_name_that_is_free(on_deployed: OnWorld) -> None:
    on_deployed.client("s3").create_bucket(Bucket="tap-new-111122223333-us-east-1-an")
    on_deployed.world.faults.add(Fault.DENIED, operation="HeadBucket")
    answer = on_deployed("plan", "--env", "new")
    assert answer.code == 4
    assert "exists already, another account's, or one that these credentials may not see (s3:ListBucket)" in answer.err


def test_status_warns_and_goes_on_where_the_record_of_a_promotion_may_not_be_read(
    on_deployed: OnWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    on_deployed.world.faults.add(Fault.DENIED, operation="GetParameter")
    session = on_deployed.open(Options())
    assert session.run(_observe_promotion(session, session.project.deployment_as_is, session.clients)) is None
    assert "warning: 2 errors: " in capsys.readouterr().err


def test_status_says_which_policy_has_what_was_denied(on_deployed: OnWorld) -> None:
    on_deployed.world.faults.add(Fault.DENIED, operation="DescribeStacks")
    answer = on_deployed("status")
    assert answer.code == 1
    assert "NOT SEEN  us-west-2: not allowed to call DescribeStacks" in answer.out
    assert "next:  python -m builder policy status    has what is needed" in answer.err


POLICIES = "next:  python -m builder policy plan execute    has what is needed; with --cloudformation-role it is the"


def test_what_is_denied_on_the_way_is_told_at_the_end(on_deployed: OnWorld) -> None:
    on_deployed.world.faults.add(Fault.DENIED, operation="ExecuteChangeSet")
    answer = on_deployed("deploy", "--yes", "--env", "new")
    assert answer.code == 1
    assert "not allowed to call ExecuteChangeSet" in answer.out
    assert POLICIES in answer.err


def test_so_is_what_is_denied_to_cloudformation(on_deployed: OnWorld) -> None:
    why = "User: role/cfn is not authorized to perform: dynamodb:CreateTable (Status Code: 400)"
    on_deployed.world.script.fails("CREATE", "Table", reason=why)
    answer = on_deployed("deploy", "--yes", "--env", "new")
    assert answer.code == 1
    assert why in answer.out
    assert POLICIES in answer.err
