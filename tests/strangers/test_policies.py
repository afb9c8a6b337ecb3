import json
from pathlib import Path
from typing import Any

import pytest

from builder.assembly import Assembly, Manifest, StackEntry, read_assembly
from builder.errors import BadInput
from builder.terms import Region, StackId
from strangers.policies import Policy, concrete_policies

ROOT = Path(__file__).parents[2]
SHIPPED = concrete_policies(read_assembly(ROOT / "templates"))


def document(place: str) -> Any:
    return next(json.loads(policy.document) for policy in SHIPPED if policy.place == place)


def of_template(text: str) -> tuple[Policy, ...]:
    entry = StackEntry(id=StackId("a"), region=Region("eu-west-1"), name="a", template="a.yaml", sha256="0" * 64)
    return concrete_policies(Assembly(Manifest(version=2, project="p", stacks=(entry,)), {"a.yaml": text.encode()}))


def test_every_role_and_bucket_is_asked_for_all_of_its_policies() -> None:
    assert [policy.place for policy in SHIPPED] == [
        "us-west-2/storage.yaml BucketPolicy policy",
        "us-east-1/storage.yaml BucketPolicy policy",
        "us-east-1/storage.yaml ReplicationRole trust",
        "us-east-1/storage.yaml ReplicationRole replicate",
        "us-east-1/service.yaml ExecutionRole trust",
        "us-east-1/service.yaml ExecutionRole run",
        "us-west-2/service.yaml ExecutionRole trust",
        "us-west-2/service.yaml ExecutionRole run",
    ]


def test_no_intrinsic_is_left() -> None:
    for policy in SHIPPED:
        assert not any(sign in policy.document for sign in ("${", "Fn::", '"Ref"'))


def test_names_and_regions_are_those_of_the_stack() -> None:
    run = document("us-west-2/service.yaml ExecutionRole run")

    assert [statement["Resource"] for statement in run["Statement"]] == [
        ["arn:aws:dynamodb:us-west-2:111122223333:table/tap-dev-global"],
        ["arn:aws:logs:us-west-2:111122223333:log-group:/aws/lambda/tap-dev-secondary:*"],
    ]


def test_a_trust_policy_is_about_its_own_role() -> None:
    trust = document("us-east-1/storage.yaml ReplicationRole trust")

    assert trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": ["sts:AssumeRole"],
            "Resource": "arn:aws:iam::111122223333:role/ReplicationRole",
        }
    ]


def test_a_policy_that_cannot_be_told_is_refused_and_not_passed_over() -> None:
    policy = "{Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: [{Resource: !Ref Unknown}]}}}"

    with pytest.raises(BadInput, match=r"^a\.yaml P: .*Unknown.* can't be told"):
        of_template(f"Resources: {{P: {policy}}}")


def test_a_template_without_policies_has_none() -> None:
    assert of_template("Resources: {T: {Type: AWS::SNS::Topic}}") == ()
