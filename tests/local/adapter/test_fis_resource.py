from typing import Any

import pytest

from builder.local.adapter.fis_resource import make_request
from local.account import Account, deploy, destroy, update
from local.adapter.experiments import fis

REF = {"TemplateId": {"Value": {"Ref": "Experiment"}}, "Id": {"Value": {"Fn::GetAtt": ["Experiment", "Id"]}}}


def _resources(duration: str = "PT5M") -> dict[str, Any]:
    return {
        "Experiment": {
            "Type": "AWS::FIS::ExperimentTemplate",
            "Properties": {
                "Description": "pause",
                "RoleArn": "arn:aws:iam::123456789012:role/fis",
                "StopConditions": [{"Source": "none"}],
                "Tags": {"Name": "drill"},
                "Targets": {
                    "Targets": {
                        "ResourceType": "aws:dynamodb:global-table",
                        "ResourceTags": {"Drill": "yes"},
                        "SelectionMode": "ALL",
                    }
                },
                "Actions": {
                    "Pause": {
                        "ActionId": "aws:dynamodb:global-table-pause-replication",
                        "Parameters": {"duration": duration},
                        "Targets": {"Tables": "Targets"},
                    }
                },
            },
        }
    }


def test_a_stack_makes_changes_and_deletes_a_template(account: Account) -> None:
    made = deploy(account, "drill", _resources(), outputs=REF, Tags=[{"Key": "stack-tag", "Value": "1"}])
    assert made.status == "CREATE_COMPLETE"
    identifier = made.outputs["TemplateId"]
    assert made.outputs["Id"] == identifier
    found = fis(account).get_experiment_template(id=identifier)["experimentTemplate"]
    assert found["actions"]["Pause"]["targets"] == {"Tables": "Targets"}
    assert found["targets"]["Targets"]["resourceTags"] == {"Drill": "yes"}
    assert (found["tags"]["Name"], found["tags"]["stack-tag"]) == ("drill", "1")
    changed_stack = update(account, "drill", _resources("PT6M"))
    assert changed_stack.status == "UPDATE_COMPLETE"
    assert changed_stack.changes[0]["ResourceChange"]["Replacement"] == "False"
    changed = fis(account).get_experiment_template(id=identifier)["experimentTemplate"]
    assert changed["actions"]["Pause"]["parameters"] == {"duration": "PT6M"}
    assert destroy(account, "drill").status == "DELETE_COMPLETE"
    assert fis(account).list_experiment_templates()["experimentTemplates"] == []


def test_what_fis_refuses_fails_the_resource(account: Account) -> None:
    failed = deploy(account, "drill", _resources("PT1S"))
    assert failed.status == "ROLLBACK_COMPLETE"
    assert "from PT1M to PT12H" in failed.reason


def test_a_template_that_is_gone_already_is_deleted(account: Account) -> None:
    made = deploy(account, "drill", _resources(), outputs=REF)
    fis(account).delete_experiment_template(id=made.outputs["Id"])
    assert destroy(account, "drill").status == "DELETE_COMPLETE"


@pytest.mark.parametrize(
    ("props", "request_"),
    [
        ({"Tags": {"Name": "x"}}, {"tags": {"Name": "x"}}),
        ({"StopConditions": [{"Source": "none"}]}, {"stopConditions": [{"source": "none"}]}),
        ({"ExperimentOptions": {"AccountTargeting": "a"}}, {"experimentOptions": {"accountTargeting": "a"}}),
    ],
)
def test_words_of_the_type_become_the_api_s_and_the_user_s_stay(props: Any, request_: Any) -> None:
    assert make_request(props) == request_
