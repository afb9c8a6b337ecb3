from typing import Any

from local.account import Account, deploy, destroy, update


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
    route53 = account.client("route53")
    config = route53.get_health_check(HealthCheckId=number)["HealthCheck"]["HealthCheckConfig"]
    assert (config["Port"], config["ResourcePath"]) == (443, "/health")
    tags = route53.list_tags_for_resource(ResourceType="healthcheck", ResourceId=number)["ResourceTagSet"]["Tags"]
    assert tags == [{"Key": "team", "Value": "blue"}]
    assert update(account, "app", _check(FailureThreshold=2)).status == "UPDATE_COMPLETE"
    described = route53.get_health_check(HealthCheckId=number)["HealthCheck"]
    assert described["HealthCheckConfig"]["FailureThreshold"] == 2
    assert "ResourcePath" not in described["HealthCheckConfig"]
    assert described["HealthCheckVersion"] == 2
    destroy(account, "app")
    assert route53.list_health_checks()["HealthChecks"] == []


def test_a_calculated_health_check_has_its_children(account: Account) -> None:
    children = {"Child": _check()["Check"]}
    config = {"Type": "CALCULATED", "HealthThreshold": "1", "ChildHealthChecks": [{"Ref": "Child"}]}
    calculated = {"Type": "AWS::Route53::HealthCheck", "Properties": {"HealthCheckConfig": config}}
    outputs = {"Child": {"Value": {"Ref": "Child"}}, "All": {"Value": {"Ref": "All"}}}
    made = deploy(account, "app", {**children, "All": calculated}, outputs=outputs).outputs
    described = account.client("route53").get_health_check(HealthCheckId=made["All"])["HealthCheck"][
        "HealthCheckConfig"
    ]
    assert (described["ChildHealthChecks"], described["HealthThreshold"]) == ([made["Child"]], 1)


def test_a_health_check_without_a_type_is_refused(account: Account) -> None:
    bad = {"Check": {"Type": "AWS::Route53::HealthCheck", "Properties": {"HealthCheckConfig": {}}}}
    assert deploy(account, "app", bad).status == "ROLLBACK_COMPLETE"


def _alarms(rule: str = "ALARM(one)") -> dict[str, Any]:
    alarm = {
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
        "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
        "All": {
            "Type": "AWS::CloudWatch::CompositeAlarm",
            "DependsOn": "One",
            "Properties": {"AlarmName": "all", "AlarmRule": rule, "ActionsEnabled": False},
        },
    }


def test_a_composite_alarm_follows_its_rule_and_goes_before_its_children(account: Account) -> None:
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["All", "Arn"]}}}
    made = deploy(account, "app", _alarms(), outputs=outputs)
    cloudwatch = account.client("cloudwatch")
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
