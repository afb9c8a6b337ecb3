import pytest

from builder.policy.document import Verb
from builder.policy.rights import permissions

ROLE = "AWS::IAM::Role"


def test_creating_takes_every_handler_and_the_tags() -> None:
    handlers = permissions(ROLE, "us-east-1", Verb.EXECUTE)
    assert handlers
    assert handlers["iam:CreateRole"] == ("create",)
    assert handlers["iam:GetRole"] == ("create", "read", "delete")
    assert handlers["iam:ListRoleTags"] == ("tagging",)


def test_planning_reads_and_deleting_deletes() -> None:
    planned, destroyed = permissions(ROLE, "us-east-1", Verb.PLAN), permissions(ROLE, "us-east-1", Verb.DESTROY)
    assert planned
    assert destroyed
    assert not {"iam:CreateRole", "iam:DeleteRole"} & set(planned)
    assert "iam:DeleteRole" in destroyed
    assert "iam:CreateRole" not in destroyed


def test_a_drill_handles_no_resource() -> None:
    assert permissions(ROLE, "us-east-1", Verb.DRILL) == {}


@pytest.mark.parametrize("kind", ["Custom::Thing", "AWS::No::Such", "AWS::CloudFormation::WaitConditionHandle"])
def test_of_some_types_nobody_says_anything(kind: str) -> None:
    assert permissions(kind, "us-east-1", Verb.EXECUTE) is None
