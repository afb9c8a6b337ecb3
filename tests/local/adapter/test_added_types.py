from typing import Any

import boto3
import pytest

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update

_OUTPUTS = {"Arn": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}}


def _client(account: Account, service: Any, region: str = PRIMARY) -> Any:
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=account.endpoint,
        aws_access_key_id=account.id,
        aws_secret_access_key="any",
    )


def _replica(arn: str, **properties: Any) -> dict[str, Any]:
    policy = {"Version": "2012-10-17", "Statement": []}
    return {
        "Key": {
            "Type": "AWS::KMS::ReplicaKey",
            "Properties": {"PrimaryKeyArn": arn, "KeyPolicy": policy, "PendingWindowInDays": 7, **properties},
        }
    }


@pytest.fixture
def primary(account: Account) -> str:
    """The ARN of a multi-Region key in the primary region."""
    key = {"Key": {"Type": "AWS::KMS::Key", "Properties": {"MultiRegion": True}}}
    outcome = deploy(account, "key", key, outputs=_OUTPUTS)
    assert outcome.status == "CREATE_COMPLETE"
    return outcome.outputs["Arn"]


def test_a_replica_key_opens_what_its_primary_key_has_closed(account: Account, primary: str) -> None:
    tags = [{"Key": "team", "Value": "blue"}]
    made = deploy(account, "replica", _replica(primary), region=SECONDARY, outputs=_OUTPUTS, Tags=tags)
    assert made.outputs["Arn"] == primary.replace(PRIMARY, SECONDARY)
    kms = _client(account, "kms", SECONDARY)
    closed = _client(account, "kms").encrypt(KeyId=primary, Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=closed)["Plaintext"] == b"secret"
    assert {"TagKey": "team", "TagValue": "blue"} in kms.list_resource_tags(KeyId=made.outputs["Arn"])["Tags"]
    disabled = update(account, "replica", _replica(primary, Enabled=False, Description="off"), region=SECONDARY)
    assert disabled.status == "UPDATE_COMPLETE"
    found = kms.describe_key(KeyId=made.outputs["Arn"])["KeyMetadata"]
    assert (found["KeyState"], found["Description"]) == ("Disabled", "off")


def test_a_primary_key_waits_for_its_replicas_to_go(account: Account, primary: str) -> None:
    deploy(account, "replica", _replica(primary), region=SECONDARY)
    assert destroy(account, "key").status == "DELETE_COMPLETE"
    kms = _client(account, "kms")
    assert kms.describe_key(KeyId=primary)["KeyMetadata"]["KeyState"] == "PendingReplicaDeletion"
    assert destroy(account, "replica", region=SECONDARY).status == "DELETE_COMPLETE"
    assert kms.describe_key(KeyId=primary)["KeyMetadata"]["KeyState"] == "PendingDeletion"


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_a_replica_key_of_no_primary_key_elsewhere_is_refused(account: Account, primary: str, region: str) -> None:
    arn = primary if region == PRIMARY else "arn:aws:kms:us-east-1:123456789012:key/none"
    assert deploy(account, "replica", _replica(arn), region=region).status == "ROLLBACK_COMPLETE"


def _check(**config: Any) -> dict[str, Any]:
    given = {"Type": "HTTPS", "FullyQualifiedDomainName": "example.com", "Port": "443", **config}
    tags = [{"Key": "team", "Value": "blue"}]
    return {
        "Check": {
            "Type": "AWS::Route53::HealthCheck",
            "Properties": {"HealthCheckConfig": given, "HealthCheckTags": tags},
        }
    }


def test_a_health_check_is_kept_changed_and_gone(account: Account) -> None:
    outputs = {"Id": {"Value": {"Fn::GetAtt": ["Check", "HealthCheckId"]}}, "Ref": {"Value": {"Ref": "Check"}}}
    number = deploy(account, "app", _check(ResourcePath="/health"), outputs=outputs).outputs["Id"]
    route53 = _client(account, "route53")
    config = route53.get_health_check(HealthCheckId=number)["HealthCheck"]["HealthCheckConfig"]
    assert (config["Port"], config["ResourcePath"]) == (443, "/health")
    tags = route53.list_tags_for_resource(ResourceType="healthcheck", ResourceId=number)["ResourceTagSet"]["Tags"]
    assert tags == [{"Key": "team", "Value": "blue"}]
    assert update(account, "app", _check(FailureThreshold=2)).status == "UPDATE_COMPLETE"
    found = route53.get_health_check(HealthCheckId=number)["HealthCheck"]
    assert found["HealthCheckConfig"]["FailureThreshold"] == 2
    assert "ResourcePath" not in found["HealthCheckConfig"]
    assert found["HealthCheckVersion"] == 2
    destroy(account, "app")
    assert route53.list_health_checks()["HealthChecks"] == []


def test_a_calculated_health_check_has_its_children(account: Account) -> None:
    children = {"Child": _check()["Check"]}
    config = {"Type": "CALCULATED", "HealthThreshold": "1", "ChildHealthChecks": [{"Ref": "Child"}]}
    calculated = {"Type": "AWS::Route53::HealthCheck", "Properties": {"HealthCheckConfig": config}}
    outputs = {"Child": {"Value": {"Ref": "Child"}}, "All": {"Value": {"Ref": "All"}}}
    made = deploy(account, "app", {**children, "All": calculated}, outputs=outputs).outputs
    found = _client(account, "route53").get_health_check(HealthCheckId=made["All"])["HealthCheck"]["HealthCheckConfig"]
    assert (found["ChildHealthChecks"], found["HealthThreshold"]) == ([made["Child"]], 1)


def test_a_health_check_without_a_type_is_refused(account: Account) -> None:
    bad = {"Check": {"Type": "AWS::Route53::HealthCheck", "Properties": {"HealthCheckConfig": {}}}}
    assert deploy(account, "app", bad).status == "ROLLBACK_COMPLETE"


def _alarms(rule: str = "ALARM(one)") -> dict[str, Any]:
    one = {
        "AlarmName": "one",
        "Namespace": "any",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return {
        "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": one},
        "All": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "DependsOn": "One",
            "Properties": {"AlarmName": "all", "AlarmRule": rule, "ActionsEnabled": False},
        },
    }


def test_a_composite_alarm_follows_its_rule_and_goes_before_its_children(account: Account) -> None:
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["All", "Arn"]}}}
    made = deploy(account, "app", _alarms(), outputs=outputs)
    cloudwatch = _client(account, "cloudwatch")
    [alarm] = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert (alarm["AlarmArn"], alarm["AlarmRule"]) == (made.outputs["Arn"], "ALARM(one)")
    cloudwatch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="told")
    [alarm] = cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert alarm["StateValue"] == "ALARM"
    assert update(account, "app", _alarms("NOT ALARM(one)")).status == "UPDATE_COMPLETE"
    assert destroy(account, "app").status == "DELETE_COMPLETE"
    assert cloudwatch.describe_alarms(AlarmTypes=["CompositeAlarm", "MetricAlarm"])["CompositeAlarms"] == []


def test_a_composite_alarm_of_an_alarm_that_is_not_there_is_refused(account: Account) -> None:
    outcome = deploy(account, "app", _alarms("ALARM(none)"))
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert "in the alarm rule do not exist" in outcome.reason
