import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY
from local.adapter.stack_set.fleet import ADMINISTRATION, EXECUTION, Fleet


def test_an_account_without_the_execution_role_fails_with_awss_reason(fleet: Fleet) -> None:
    fleet.create()
    assert fleet.deploy(Accounts=[fleet.stranger])["Status"] == "FAILED"
    (instance,) = fleet.instances()
    assert instance["StatusReason"] == (
        f"Account {fleet.stranger} should have '{EXECUTION}' role with trust relationship to Role '{ADMINISTRATION}'."
    )
    assert (instance["Status"], instance["StackInstanceStatus"]) == ("OUTDATED", {"DetailedStatus": "FAILED"})


def test_a_role_that_trusts_another_account_does_not_help(fleet: Fleet) -> None:
    fleet.create()
    fleet.trust(fleet.stranger, admin=fleet.targets[0])
    assert fleet.deploy(Accounts=[fleet.stranger])["Status"] == "FAILED"


def test_roles_of_other_names_are_the_ones_that_count(fleet: Fleet) -> None:
    arn = f"arn:aws:iam::{fleet.admin.id}:role/{ADMINISTRATION}"
    fleet.create(AdministrationRoleARN=arn, ExecutionRoleName="other")
    operation = fleet.deploy(OperationPreferences={"FailureToleranceCount": 1})
    assert operation["ExecutionRoleName"] == "other"
    assert "should have 'other' role" in fleet.instances()[0]["StatusReason"]
    fleet.trust(fleet.targets[0], "other")
    assert fleet.deploy(Accounts=[fleet.targets[0]])["Status"] == "SUCCEEDED"


def test_nothing_is_begun_without_an_administration_role(fleet: Fleet) -> None:
    arn = f"arn:aws:iam::{fleet.admin.id}:role/none"
    fleet.create(AdministrationRoleARN=arn)
    with pytest.raises(ClientError, match=f"Role {arn} is invalid or cannot be assumed"):
        fleet.cloudformation.create_stack_instances(StackSetName="set", Accounts=["111122223333"], Regions=[PRIMARY])
    assert fleet.instances() == []
