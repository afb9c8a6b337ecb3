from typing import Any, Literal

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from builder.local.adapter.fis.api import make_request
from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.experiments import fis, template
from local.adapter.strict import Strict, allow
from local.adapter.templates import TABLE, bucket, names, replication, table


@pytest.fixture
def account(account: Account) -> Account:
    """One with a global table and a replicated bucket."""
    source, destination = names(account)
    tagged = [{"Key": "drill", "Value": "yes"}]
    assert deploy(account, "table", table({"Region": PRIMARY, "Tags": tagged}, {"Region": SECONDARY})).reason == ""
    assert deploy(account, "destination", bucket(destination), region=SECONDARY).reason == ""
    rules = bucket(source, ReplicationConfiguration=replication(destination), Tags=tagged)
    assert deploy(account, "source", rules).reason == ""
    return account


def _template(account: Account, **options: Any) -> str:
    made = fis(account).create_experiment_template(**template(account=account.id, **options))
    return str(made["experimentTemplate"]["id"])


def _start(account: Account, identifier: str) -> str:
    return str(fis(account).start_experiment(experimentTemplateId=identifier)["experiment"]["id"])


def _status(account: Account, identifier: str) -> str:
    return str(fis(account).get_experiment(id=identifier)["experiment"]["state"]["status"])


def _write(account: Account, value: str, region: str = PRIMARY) -> None:
    account.dynamodb(region).put_item(TableName=TABLE, Item={"id": {"S": "1"}, "value": {"S": value}})


def _value(account: Account, region: str) -> str | None:
    item = account.dynamodb(region).get_item(TableName=TABLE, Key={"id": {"S": "1"}}).get("Item")
    return item["value"]["S"] if item else None


def _put(account: Account, key: str) -> str | None:
    account.s3().put_object(Bucket=names(account)[0], Key=key, Body=b"x")
    return account.s3().head_object(Bucket=names(account)[0], Key=key).get("ReplicationStatus")


def test_a_table_is_paused_into_and_out_of_the_region_until_the_experiment_is_stopped(account: Account) -> None:
    experiment = _start(account, _template(account, table=TABLE))
    assert _status(account, experiment) == "running"
    _write(account, "out of it")
    assert (_value(account, PRIMARY), _value(account, SECONDARY)) == ("out of it", None)
    _write(account, "into it", SECONDARY)
    assert (_value(account, PRIMARY), _value(account, SECONDARY)) == ("out of it", "into it")
    fis(account).stop_experiment(id=experiment)
    assert _status(account, experiment) == "stopped"
    assert (_value(account, PRIMARY), _value(account, SECONDARY)) == ("into it", "into it")


@pytest.mark.acceptance
def test_a_bucket_is_paused_and_the_table_is_not(account: Account) -> None:
    experiment = _start(account, _template(account, bucket=names(account)[0]))
    assert _put(account, "paused") == "PENDING"
    _write(account, "a")
    assert _value(account, SECONDARY) == "a"
    fis(account).stop_experiment(id=experiment)
    assert account.s3().head_object(Bucket=names(account)[0], Key="paused")["ReplicationStatus"] == "COMPLETED"


@pytest.mark.acceptance
def test_targets_can_be_chosen_by_their_tags(account: Account) -> None:
    request = template(table=TABLE, bucket=names(account)[0], account=account.id)
    for target in request["targets"].values():
        del target["resourceArns"]
        target["resourceTags"] = {"drill": "yes"}
    made = fis(account).create_experiment_template(**request)["experimentTemplate"]
    experiment = _start(account, made["id"])
    assert _put(account, "paused") == "PENDING"
    _write(account, "a")
    assert _value(account, SECONDARY) is None
    fis(account).stop_experiment(id=experiment)


def test_an_experiment_without_targets_fails_and_pauses_nothing(account: Account) -> None:
    experiment = _start(account, _template(account, table=TABLE, bucket="another"))
    described = fis(account).get_experiment(id=experiment)["experiment"]
    assert described["state"] == {"status": "failed", "reason": "Target resolution returned empty set"}
    _write(account, "a")
    assert _value(account, SECONDARY) == "a"


def test_an_experiment_says_what_it_does_and_since_when(account: Account) -> None:
    identifier = _template(account, table=TABLE)
    made = fis(account).start_experiment(experimentTemplateId=identifier, tags={"drill": "1"})["experiment"]
    assert (made["experimentTemplateId"], made["tags"]) == (identifier, {"drill": "1"})
    assert made["arn"] == f"arn:aws:fis:{PRIMARY}:{account.id}:experiment/{made['id']}"
    assert made["actions"]["pause-table"]["state"] == {"status": "running"}
    assert made["startTime"] == made["actions"]["pause-table"]["startTime"]
    assert "endTime" not in made
    stopped = fis(account).stop_experiment(id=made["id"])["experiment"]
    assert stopped["endTime"] == stopped["actions"]["pause-table"]["endTime"] >= made["startTime"]


@pytest.mark.acceptance
def test_a_template_is_kept_as_it_was_made(account: Account) -> None:
    identifier = _template(account, table=TABLE)
    described = fis(account).get_experiment_template(id=identifier)["experimentTemplate"]
    request = template(table=TABLE, account=account.id)
    assert {name: described[name] for name in request} == request
    assert described["experimentOptions"] == {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}


def test_lists_are_the_region_s_own_and_come_in_pages(account: Account) -> None:
    made = [_template(account, table=TABLE) for _ in range(3)]
    first = fis(account).list_experiment_templates(maxResults=2)
    rest = fis(account).list_experiment_templates(maxResults=2, nextToken=first["nextToken"])
    assert [template["id"] for template in first["experimentTemplates"] + rest["experimentTemplates"]] == made
    assert "nextToken" not in rest
    assert fis(account, SECONDARY).list_experiment_templates()["experimentTemplates"] == []


def test_experiments_are_listed_by_their_template(account: Account) -> None:
    first, second = (_template(account, bucket=names(account)[0]) for _ in range(2))
    started = [_start(account, identifier) for identifier in (first, second)]
    listed = fis(account).list_experiments()["experiments"]
    assert [(experiment["id"], experiment["state"]["status"]) for experiment in listed] == [
        (identifier, "running") for identifier in started
    ]
    [only] = fis(account).list_experiments(experimentTemplateId=second)["experiments"]
    assert only["id"] == started[1]
    for identifier in started:
        fis(account).stop_experiment(id=identifier)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("get_experiment_template", {"id": "EXT0"}),
        ("delete_experiment_template", {"id": "EXT0"}),
        ("start_experiment", {"experimentTemplateId": "EXT0"}),
        ("get_experiment", {"id": "EXP0"}),
        ("stop_experiment", {"id": "EXP0"}),
    ],
)
def test_what_is_not_there_is_not_found(account: Account, operation: str, arguments: dict[str, str]) -> None:
    client = fis(account)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        getattr(client, operation)(**arguments)


def test_a_template_is_gone_once_it_is_deleted(account: Account) -> None:
    identifier = _template(account, table=TABLE)
    assert fis(account).delete_experiment_template(id=identifier)["experimentTemplate"]["id"] == identifier
    assert fis(account).list_experiment_templates()["experimentTemplates"] == []


def test_what_has_ended_cannot_be_stopped(account: Account) -> None:
    experiment = _start(account, _template(account, bucket="another"))
    with pytest.raises(ClientError, match=r"ValidationException.*it is failed"):
        fis(account).stop_experiment(id=experiment)


def test_what_the_model_or_this_place_does_not_allow_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*at least one action"):
        fis(account).create_experiment_template(**template())
    authorization = f"AWS4-HMAC-SHA256 Credential={account.id}/20260101/us-east-1/fis/aws4_request, Signature=x"
    answer = urllib3.request(
        "POST", f"{account.endpoint}/experiments", body=b"{}", headers={"Authorization": authorization}
    )
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")


def test_what_is_not_made_here_says_so(account: Account) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        fis(account).list_actions()


def test_where_iam_is_enforced_a_person_may_do_what_their_policy_says(strict: Strict) -> None:
    person = strict.client_of(allow("fis:ListExperiments"), service="fis")
    assert person.list_experiments()["experiments"] == []
    with pytest.raises(ClientError, match="AccessDenied"):
        person.list_experiment_templates()


def _alarm(account: Account, name: str, state: Literal["OK", "ALARM"]) -> str:
    client = boto3.client("cloudwatch", **account._access(PRIMARY))
    client.put_metric_alarm(
        AlarmName=name,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="errors",
        Namespace="own",
        Period=60,
        Statistic="Sum",
        Threshold=1,
        TreatMissingData="ignore",
    )
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="of the test")
    return f"arn:aws:cloudwatch:{PRIMARY}:{account.id}:alarm:{name}"


def test_an_alarm_of_its_stop_conditions_stops_an_experiment_and_no_other(account: Account) -> None:
    calm, loud = _alarm(account, "calm", "OK"), _alarm(account, "loud: one", "OK")
    request = template(account=account.id, table=TABLE)
    made = []
    for alarms in ([calm], [calm, loud]):
        request["stopConditions"] = [{"source": "aws:cloudwatch:alarm", "value": arn} for arn in alarms]
        made.append(_start(account, fis(account).create_experiment_template(**request)["experimentTemplate"]["id"]))
    assert [_status(account, identifier) for identifier in made] == ["running", "running"]
    _alarm(account, "loud: one", "ALARM")
    assert [_status(account, identifier) for identifier in made] == ["running", "stopped"]
    reason = fis(account).get_experiment(id=made[1])["experiment"]["state"]["reason"]
    assert reason == f"Experiment halted by stop condition: {loud}"
    fis(account).stop_experiment(id=made[0])
    _write(account, "after")
    assert _value(account, SECONDARY) == "after"


@pytest.mark.parametrize("value", ["", "an-alarm-by-its-name", "arn:aws:sns:us-east-1:111122223333:alarm:loud"])
def test_a_stop_condition_that_could_stop_nothing_is_refused(account: Account, value: str) -> None:
    request = template(account=account.id, table=TABLE)
    request["stopConditions"] = [{"source": "aws:cloudwatch:alarm", **({"value": value} if value else {})}]
    with pytest.raises(ClientError, match=r"an alarm's ARN|ValidationException length"):
        fis(account).create_experiment_template(**request)


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
    described = fis(account).get_experiment_template(id=identifier)["experimentTemplate"]
    assert described["actions"]["Pause"]["targets"] == {"Tables": "Targets"}
    assert described["targets"]["Targets"]["resourceTags"] == {"Drill": "yes"}
    assert (described["tags"]["Name"], described["tags"]["stack-tag"]) == ("drill", "1")
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
