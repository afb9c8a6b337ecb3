"""The alarms: which stand in which region, on which metric, by which names, and what differs by environment."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.assembly.manifest import ByEnvironment
from builder.components.system import make_topology
from builder.components.templates import make_template
from builder.terms import Region, StackId
from builder.topology.names import logical_name
from components.templates import THREE, Json, properties, template, templates
from loaded_config import ABSENT, make_loaded_config

EAST, WEST = "us-east-1/alarms", "us-west-2/alarms"
DR: Json = {"alarms": {"email": ["ops@example.com"]}}
NAMED: Json = {"tables": {"orders": {}}, "buckets": {"uploads": {}}, "functions": {"api": {"timeout_s": 5}}}


def alarms(made: Json) -> dict[str, Json]:
    """Every alarm's properties by its name, without project and environment."""
    bodies = [
        resource["Properties"]
        for resource in made["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    ]
    names = [alarm["AlarmName"]["Fn::Sub"].removeprefix("tap-${EnvironmentSuffix}-") for alarm in bodies]
    assert len(names) == len(set(names))
    return dict(zip(names, bodies, strict=True))


def dimensions(metric: Json) -> dict[str, Any]:
    return {
        dimension["Name"]: dimension["Value"]["Fn::Sub"] if isinstance(dimension["Value"], dict) else dimension["Value"]
        for dimension in metric["Dimensions"]
    }


def test_without_a_word_in_dr_yaml_there_is_neither_stack_nor_component() -> None:
    assert not [stack for stack in templates() if stack.endswith("/alarms")]
    assert "alarms" not in make_topology(make_loaded_config()).components


TABLE = {"TableName": "tap-${EnvironmentSuffix}-global"}
OBJECTS = {
    "SourceBucket": "tap-${EnvironmentSuffix}-${AWS::AccountId}-us-east-1-an",
    "DestinationBucket": "tap-${EnvironmentSuffix}-${AWS::AccountId}-us-west-2-an",
    "RuleId": "to-us-west-2",
}


@pytest.mark.parametrize(
    ("stack", "name", "namespace", "metric", "where"),
    [
        (
            EAST,
            "table-latency-to-us-west-2",
            "DynamoDB",
            "ReplicationLatency",
            TABLE | {"ReceivingRegion": "us-west-2"},
        ),
        (
            WEST,
            "table-latency-to-us-east-1",
            "DynamoDB",
            "ReplicationLatency",
            TABLE | {"ReceivingRegion": "us-east-1"},
        ),
        (EAST, "bucket-failed-to-us-west-2", "S3", "OperationsFailedReplication", OBJECTS),
        (WEST, "bucket-pending-from-us-east-1", "S3", "OperationsPendingReplication", OBJECTS),
        (WEST, "bucket-late-from-us-east-1", "S3", "ReplicationLatency", OBJECTS),
        (EAST, "function-throttles", "Lambda", "Throttles", {"FunctionName": "tap-${EnvironmentSuffix}-primary"}),
        (WEST, "function-throttles", "Lambda", "Throttles", {"FunctionName": "tap-${EnvironmentSuffix}-secondary"}),
    ],
)
def test_an_alarm_stands_where_its_metric_is_published(
    stack: str, name: str, namespace: str, metric: str, where: Json
) -> None:
    made = templates(**DR)
    alarm = alarms(made[stack])[name]
    assert (alarm["Namespace"], alarm["MetricName"], dimensions(alarm)) == (f"AWS/{namespace}", metric, where)
    other = alarms(made[WEST if stack == EAST else EAST])
    assert name not in other or other[name]["Dimensions"] != alarm["Dimensions"]


def test_every_direction_between_three_regions_has_its_alarm_on_one_side() -> None:
    made = templates(regions=THREE, **DR)
    assert {stack: sorted(name for name in alarms(body) if "-to-" in name or "-from-" in name)
            for stack, body in made.items() if stack.endswith("/alarms")} == {
        "eu-central-1/alarms": [
            "bucket-failed-to-eu-north-1",
            "bucket-failed-to-eu-west-1",
            "table-latency-to-eu-north-1",
            "table-latency-to-eu-west-1",
        ],
        "eu-west-1/alarms": [
            "bucket-late-from-eu-central-1",
            "bucket-pending-from-eu-central-1",
            "table-latency-to-eu-central-1",
            "table-latency-to-eu-north-1",
        ],
        "eu-north-1/alarms": [
            "bucket-late-from-eu-central-1",
            "bucket-pending-from-eu-central-1",
            "table-latency-to-eu-central-1",
            "table-latency-to-eu-west-1",
        ],
    }  # fmt: skip


def test_what_has_a_name_is_watched_by_it() -> None:
    made = alarms(template(WEST, **NAMED, **DR))
    assert dimensions(made["api-throttles"]) == {"FunctionName": "tap-${EnvironmentSuffix}-api-us-west-2"}
    assert dimensions(made["orders-latency-to-us-east-1"])["TableName"] == "tap-${EnvironmentSuffix}-orders"
    uploads = "tap-${EnvironmentSuffix}-uploads-${AWS::AccountId}"
    assert dimensions(made["uploads-late-from-us-east-1"])["SourceBucket"] == f"{uploads}-us-east-1-an"


def test_only_what_is_there_is_watched() -> None:
    loaded = make_loaded_config(alarms={})
    alone = replace(loaded, config=loaded.config.model_copy(update={"table": None, "bucket": None}))
    stacks = {stack.id: stack for stack in make_topology(alone).stacks}
    made = alarms(make_template(alone, stacks[StackId(EAST)]).to_dict())
    assert sorted(made) == ["function-duration", "function-errors", "function-throttles"]


def test_errors_are_a_rate_above_a_floor_of_requests_and_durations_a_part_of_the_timeout() -> None:
    made = alarms(
        template(EAST, **DR | {"alarms": {"errors_floor": 7, "errors_percent": 3}}, function={"timeout_s": 30})
    )
    errors, duration = made["function-errors"], made["function-duration"]
    assert [query.get("Expression") for query in errors["Metrics"]] == [
        None,
        None,
        "IF(requests >= 7, 100 * FILL(errors, 0) / requests, 0)",
    ]
    assert [query["MetricStat"]["Metric"]["MetricName"] for query in errors["Metrics"][:2]] == [
        "Url5xxCount",
        "UrlRequestCount",
    ]
    assert (errors["Threshold"], duration["Threshold"]) == (3, 80)
    assert duration["Metrics"][1]["Expression"] == "100 * duration / (1000 * 30)"
    assert duration["Metrics"][0]["MetricStat"]["Stat"] == "p99"
    for alarm in (errors, duration):
        assert [query["ReturnData"] for query in alarm["Metrics"]].count(True) == 1


def test_alarms_tell_the_region_s_topic_that_all_is_well_again_too() -> None:
    for stack in (EAST, WEST):
        for alarm in alarms(template(stack, **DR)).values():
            assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Topic"}]
            assert alarm["ActionsEnabled"] is True


def test_nothing_is_made_of_minutes_without_data_and_of_dynamodb_s_nobody_says_anything() -> None:
    for alarm in alarms(template(EAST, **DR)).values():
        assert alarm.get("TreatMissingData") == (None if alarm.get("Namespace") == "AWS/DynamoDB" else "notBreaching")


def test_cloudwatch_alone_may_publish_beside_the_owner_and_nobody_without_tls() -> None:
    made = template(EAST, **DR)
    by_sid = {
        statement["Sid"]: statement for statement in properties(made, "TopicPolicy")["PolicyDocument"]["Statement"]
    }
    alarm = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
    assert by_sid["Alarms"]["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert by_sid["Alarms"]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {"aws:SourceArn": {"Fn::Sub": alarm}},
    }
    assert by_sid["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert by_sid["Owner"]["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    assert not [action for statement in by_sid.values() for action in statement["Action"] if "*" in action]
    assert {str(statement["Resource"]) for statement in by_sid.values()} == {str([{"Ref": "Topic"}])}


@pytest.mark.parametrize(
    ("encryption", "key", "needs"),
    [
        (None, None, ()),
        ({"key": "managed"}, {"Fn::Sub": "alias/tap-${EnvironmentSuffix}"}, ("us-west-2/key",)),
        ({"key": "alias/shop", "functions": False}, "alias/shop", ()),
    ],
)
def test_the_topic_is_under_the_system_s_key_which_has_to_stand_first(
    encryption: Any, key: Any, needs: tuple[str, ...]
) -> None:
    made = template(WEST, encryption=encryption, **DR)
    assert properties(made, "Topic").get("KmsMasterKeyId") == key
    stacks = {stack.id: stack for stack in make_topology(make_loaded_config(encryption=encryption, **DR)).stacks}
    assert stacks[StackId(WEST)].needs == needs


def test_everybody_is_told_by_mail_in_every_region_and_another_order_tells_nobody_anew() -> None:
    def mails(*addresses: str) -> Json:
        made = template(WEST, alarms={"email": list(addresses)})["Resources"]
        return {name: resource for name, resource in made.items() if resource["Type"] == "AWS::SNS::Subscription"}

    both = mails("ops@example.com", "dev@example.com")
    assert {subscription["Properties"]["Endpoint"] for subscription in both.values()} == {
        "ops@example.com",
        "dev@example.com",
    }
    assert both == mails("dev@example.com", "ops@example.com")
    assert mails() == {}


ENVIRONMENTS: Json = {
    "environments": {
        "prod": {"alarms": {"objects_failed": 3, "table_latency_ms": 900}, "functions": {"api": {"timeout_s": 60}}},
        "dev": {"alarms": {"notify": False}},
    }
}


def test_what_environments_say_otherwise_is_a_parameter_where_it_is_used_and_nowhere_else() -> None:
    loaded = make_loaded_config(**NAMED, **DR, **ENVIRONMENTS)
    given = {stack.region: stack.parameters for stack in make_topology(loaded).stacks if stack.name == "alarms"}
    varying = {
        "Notify": ByEnvironment({"default": "true", "dev": "false"}),
        "TableLatencyMs": ByEnvironment({"default": "5000", "prod": "900"}),
        "ApiTimeoutS": ByEnvironment({"default": "5", "prod": "60"}),
    }
    assert given[Region("us-west-2")] == varying
    assert given[Region("us-east-1")] == varying | {"ObjectsFailed": ByEnvironment({"default": "0", "prod": "3"})}
    for stack in (EAST, WEST):
        made = template(stack, **NAMED, **DR, **ENVIRONMENTS)
        assert made["Parameters"].keys() == {"EnvironmentSuffix", *given[Region(stack.partition("/")[0])]}
        by_name = alarms(made)
        assert by_name["api-duration"]["Metrics"][1]["Expression"] == {
            "Fn::Sub": "100 * duration / (1000 * ${ApiTimeoutS})"
        }
        assert by_name["function-duration"]["Metrics"][1]["Expression"] == "100 * duration / (1000 * 10)"
        assert {str(alarm["ActionsEnabled"]) for alarm in by_name.values()} == {str({"Ref": "Notify"})}


def test_the_manifest_names_every_alarm_of_every_region_and_what_it_tells_of() -> None:
    loaded = make_loaded_config(regions=THREE, **NAMED, **DR)
    topology = make_topology(loaded)
    component = topology.components["alarms"].alarms
    assert component
    made = templates(regions=THREE, **NAMED, **DR)
    for region in component.regions:
        names = {name.removeprefix("tap-${EnvironmentSuffix}-") for name in component.names(region)}
        assert names == set(alarms(made[f"{region}/alarms"]))
        assert not [name for name in component.service[region] if "-to-" in name or "-from-" in name]
        assert not [name for name in component.replication[region] if "errors" in name or "throttles" in name]
    topic = properties(made["eu-west-1/alarms"], "Topic")["TopicName"]["Fn::Sub"]
    assert component.topic == topic


NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)


@given(NAMES, NAMES)
def test_names_that_differ_have_logical_ids_that_differ(name: str, other: str) -> None:
    assert (logical_name(name) == logical_name(other)) is (name == other)
    assert logical_name(name).isalnum()


@pytest.mark.parametrize(("name", "other"), [("a-1", "a1"), ("a--b", "a-b"), ("ab", "a-b")])
def test_a_hyphen_alone_makes_another_logical_id(name: str, other: str) -> None:
    assert logical_name(name) != logical_name(other)


def test_of_a_function_without_a_url_the_calls_that_fail_are_counted() -> None:
    made = alarms(template(EAST, table=ABSENT, bucket=ABSENT, function=ABSENT, functions={"job": {"url": False}}, **DR))
    assert sorted(made) == ["job-duration", "job-errors", "job-throttles"]
    assert [query["MetricStat"]["Metric"]["MetricName"] for query in made["job-errors"]["Metrics"][:2]] == [
        "Errors",
        "Invocations",
    ]


@pytest.mark.parametrize(
    ("replication", "primary", "secondary"),
    [
        ("one-way", ["failed-to"], ["late-from", "pending-from"]),
        ("two-way", ["failed-to", "late-from", "pending-from"], ["failed-to", "late-from", "pending-from"]),
        ("none", [], []),
    ],
)
def test_each_direction_of_a_bucket_is_watched_at_both_its_ends(
    replication: str, primary: list[str], secondary: list[str]
) -> None:
    made = templates(bucket={"replication": replication}, **DR)
    for stack, other, expected in ((EAST, "us-west-2", primary), (WEST, "us-east-1", secondary)):
        names = [name for name in alarms(made[stack]) if name.startswith("bucket-")]
        assert sorted(names) == [f"bucket-{what}-{other}" for what in expected]


def test_the_rules_that_are_watched_are_those_that_the_buckets_have() -> None:
    made = templates(bucket={"replication": "two-way"}, **DR)
    for region, stack in (("us-east-1", EAST), ("us-west-2", WEST)):
        storage = properties(made[f"{region}/storage"], "Bucket")
        rules = json.dumps(storage["ReplicationConfiguration"])
        failed = next(alarm for name, alarm in alarms(made[stack]).items() if "failed" in name)
        assert f'"Id": "{dimensions(failed)["RuleId"]}"' in rules
