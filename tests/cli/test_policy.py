import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest

from answer import ROOT, Command
from builder.cli.policy import VERBS
from builder.policy import Verb

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/cfn-exec"
PINNED = f'environments:\n  prod: {{account: "{ACCOUNT}", role_arn: "{ROLE}"}}\n'


@pytest.fixture
def pinned(project: Path) -> Path:
    """The shipped project with an environment of an account and a role."""
    config = project / "dr.yaml"
    config.write_text(config.read_text() + PINNED)
    return project


def actions(text: str) -> set[str]:
    document: dict[str, Any] = json.loads(text)
    assert document["Version"] == "2012-10-17"
    return {action for statement in document["Statement"] for action in statement["Action"]}


def test_templates_of_the_assembly_s_own_are_read_from_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: Command
) -> None:
    shutil.copytree(ROOT / "tests" / "golden" / "own_code", tmp_path / "own")
    monkeypatch.chdir(tmp_path / "own")
    answer = builder("policy", "execute", "--cloudformation-role", "--account", "111122223333")
    assert (answer.code, "could not be read" in answer.err) == (0, False)
    assert "sqs:CreateQueue" in answer.out


def test_the_verbs_are_the_policies_own() -> None:
    assert [verb.value for verb in Verb] == list(VERBS)


def test_a_policy_is_one_json_document_and_takes_no_aws(pinned: Path, builder: Command) -> None:
    answer = builder("policy", "execute", "--env", "prod")
    assert (answer.code, answer.err) == (0, "")
    assert "cloudformation:ExecuteChangeSet" in actions(answer.out)
    assert "lambda:CreateFunction" not in actions(answer.out)
    assert ROLE in answer.out
    assert f"arn:aws:cloudformation:us-west-2:{ACCOUNT}:stack/tap-prod-service/*" in answer.out


def test_the_service_role_s_policy_holds_the_resources(pinned: Path, builder: Command) -> None:
    answer = builder("policy", "plan", "execute", "destroy", "--cloudformation-role", "--env", "prod")
    assert answer.code == 0
    assert {"lambda:CreateFunction", "dynamodb:DeleteTableReplica"} <= actions(answer.out)
    assert "cloudformation:ExecuteChangeSet" not in actions(answer.out)


def test_without_a_role_the_caller_s_policy_holds_both_and_says_that_it_is_large(
    project: Path, builder: Command
) -> None:
    answer = builder("policy", "plan", "execute", "--account", ACCOUNT)
    assert answer.code == 0
    assert {"lambda:CreateFunction", "cloudformation:ExecuteChangeSet"} <= actions(answer.out)
    assert "more than the 6,144 of a managed policy" in answer.err


def test_the_account_is_that_of_the_credentials_where_nobody_says(
    project: Path, session: boto3.Session, builder: Command, account_id: str
) -> None:
    answer = builder("policy", "drill")
    assert answer.code == 0
    assert f":{account_id}:function:tap-dev-primary" in answer.out


def test_every_action_is_explained(pinned: Path, builder: Command) -> None:
    answer = builder("policy", "execute", "--env", "prod", "--cloudformation-role", "--explain")
    assert answer.code == 0
    assert "iam:CreateRole  on Roles: create of AWS::IAM::Role" in answer.out
    assert "kinesis:ListStreams: for KinesisStreamSpecification of AWS::DynamoDB::GlobalTable" in answer.out
    whole = builder("policy", "execute", "--env", "prod", "--cloudformation-role", "--explain", "--whole")
    assert "kinesis:ListStreams  on Anything" in whole.out


def test_an_assembly_of_another_making_has_its_policies_too(project: Path, builder: Command) -> None:
    (project / "dr.yaml").unlink()
    options = ("--assembly", "templates", "--env", "prod", "--account", ACCOUNT, "--role-arn", ROLE)
    answer = builder(*options[:4], "policy", "plan", *options[4:], "--artifacts-bucket", "artifacts-{region}")
    assert answer.code == 0
    assert "arn:aws:s3:::artifacts-us-west-2/*" in answer.out


def test_stacks_of_other_accounts_are_reached_by_their_roles(project: Path, builder: Command) -> None:
    role = "arn:aws:iam::444455556666:role/deployer"
    answer = builder("--account-role", f"444455556666={role}", "policy", "plan", "--account", ACCOUNT)
    assert "sts:AssumeRole" in actions(answer.out)
    assert role in answer.out


@pytest.mark.slow
def test_a_fleet_s_verbs_have_policies_of_their_own(pinned: Path, builder: Command) -> None:
    config = pinned / "dr.yaml"
    fleet = (
        f'fleet: {{permission_model: self-managed, administration_account: "{ACCOUNT}", accounts: ["444455556666"]}}'
    )
    config.write_text(f"{config.read_text()}{fleet}\n")
    assert builder("render").code == 0
    answer = builder("policy", "fleet-plan", "fleet-execute", "--env", "prod", "--account", ACCOUNT)
    assert answer.code == 0, answer
    # dr.yaml's role is the system's alone.
    assert ROLE not in answer.out
    assert {"cloudformation:CreateStackSet", "cloudformation:StopStackSetOperation"} <= actions(answer.out)
    assert f":{ACCOUNT}:stackset/tap-prod-us-west-2-storage:*" in answer.out
    reader = builder("policy", "fleet-status", "--env", "prod", "--account", ACCOUNT, "--role", "reader")
    assert "arn:aws:iam::*:role/reader" in reader.out
    both = builder("policy", "plan", "fleet-plan", "--env", "prod", "--account", ACCOUNT)
    assert both.code == 2
    assert "have a policy each" in both.err


def test_a_custom_resource_is_named_as_what_nobody_can_tell(project: Path, builder: Command) -> None:
    folder = project / "templates"
    manifest = json.loads((folder / "manifest.json").read_text())
    template = b"Resources: {Thing: {Type: Custom::Thing, Properties: {ServiceToken: x}}}\n"
    (folder / "own.yaml").write_bytes(template)
    entry = {"id": "us-east-1/own", "region": "us-east-1", "name": "tap-own", "template": "own.yaml"}
    manifest["stacks"].append({**entry, "sha256": hashlib.sha256(template).hexdigest()})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    answer = builder("--assembly", "templates", "--env", "x", "policy", "execute", "--account", ACCOUNT)
    assert "warning: us-east-1/own: Thing (Custom::Thing): its schema lists no permissions" in answer.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("drill", "--cloudformation-role", "--account", ACCOUNT), "CloudFormation's role does nothing then"),
        (("plan", "--account", "12"), "'12': an account has 12 digits"),
        (("plan", "--env", "prod", "--account", "999999999999"), "no stack of tap-prod belongs in it"),
    ],
)
def test_what_makes_no_policy_is_refused(
    pinned: Path, builder: Command, arguments: tuple[str, ...], words: str
) -> None:
    answer = builder("policy", *arguments)
    assert answer.code == 2
    assert words in answer.err


def test_a_promotion_may_do_both_before_and_after_it(project: Path, builder: Command) -> None:
    """Which stacks and parameters there are with another primary is in no assembly that lies there."""
    document = json.loads(builder("policy", "promote", "--account", ACCOUNT).out)
    allowed = {
        action: {
            arn
            for statement in document["Statement"]
            if action in statement["Action"]
            for arn in [*_listed(statement["Resource"])]
        }
        for action in ("cloudformation:CreateChangeSet", "ssm:PutParameter", "ssm:DeleteParameter")
    }
    tables = {
        f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/tap-dev-table/*" for region in ("us-east-1", "us-west-2")
    }
    assert tables <= allowed["cloudformation:CreateChangeSet"]
    record = f"{ACCOUNT}:parameter/builder/tap-dev/promotion"
    parameters = {f"arn:aws:ssm:{region}:{record}" for region in ("us-east-1", "us-west-2")}
    assert allowed["ssm:PutParameter"] == allowed["ssm:DeleteParameter"] == parameters
    refused = builder("policy", "promote", "--account", ACCOUNT, "--assembly", "templates", "--env", "dev")
    assert (refused.code, "written into dr.yaml" in refused.err) == (2, True)


def _listed(resource: str | list[str]) -> list[str]:
    return [resource] if isinstance(resource, str) else resource
