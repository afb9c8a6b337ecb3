import pytest
import urllib3
from botocore.exceptions import ClientError

from builder.local.adapter.stack_sets import instances, operations, sets, wire
from local.account import authorized
from local.adapter.stack_sets.fleet import Fleet


def test_every_action_is_one_of_cloudformations() -> None:
    known = set(wire.model().operation_names)
    assert set(sets.ACTIONS | instances.ACTIONS | operations.ACTIONS) <= known


def test_a_request_is_read_by_the_shape_of_its_action() -> None:
    sent = {
        "Action": ["CreateStackInstances"],
        "StackSetName": ["set"],
        "Regions.member.1": ["us-east-1"],
        "Regions.member.2": ["us-west-2"],
        "ParameterOverrides": [""],
        "OperationPreferences.FailureToleranceCount": ["2"],
        "DeploymentTargets.Accounts.member.1": ["111122223333"],
    }
    assert wire.read_request("CreateStackInstances", sent) == {
        "StackSetName": "set",
        "Regions": ["us-east-1", "us-west-2"],
        "ParameterOverrides": [],
        "OperationPreferences": {"FailureToleranceCount": 2},
        "DeploymentTargets": {"Accounts": ["111122223333"]},
    }


def test_a_member_that_the_model_lacks_cannot_be_answered() -> None:
    with pytest.raises(KeyError):
        wire.make_reply("CreateStackSet", {"StackSetIdentifier": "set"})


def test_an_error_has_the_status_of_its_shape() -> None:
    assert [wire.status_of(code) for code in ("StackSetNotFoundException", "ValidationError")] == [404, 400]


def test_a_client_sees_status_and_code(fleet: Fleet) -> None:
    with pytest.raises(ClientError) as raised:
        fleet.cloudformation.describe_stack_set(StackSetName="none")
    assert raised.value.response["Error"]["Code"] == "StackSetNotFoundException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_reset_forgets_all_sets(fleet: Fleet) -> None:
    fleet.create()
    # It ends the functions' processes too, of which other tests may have left many.
    urllib3.request("POST", f"{fleet.admin.endpoint}/_ministack/reset", headers=authorized(), timeout=30)
    assert fleet.cloudformation.list_stack_sets()["Summaries"] == []
