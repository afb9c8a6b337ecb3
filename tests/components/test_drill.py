import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.components.system import make_topology
from builder.terms import StackId
from components.templates import THREE, properties, statements, template, templates
from loaded_config import make_loaded_config


def test_without_a_word_in_dr_yaml_there_is_no_such_stack() -> None:
    assert "us-east-1/drill" not in templates()


def test_the_experiment_pauses_the_table_and_the_bucket_into_every_secondary() -> None:
    experiment = properties(template("eu-central-1/drill", regions=THREE, drill="fis"), "Experiment")

    assert [
        (action["ActionId"], action["Parameters"].get("region"), action["Targets"])
        for action in experiment["Actions"].values()
    ] == [
        ("aws:dynamodb:global-table-pause-replication", None, {"Tables": "Table"}),
        ("aws:s3:bucket-pause-replication", "eu-west-1", {"Buckets": "Bucket"}),
        ("aws:s3:bucket-pause-replication", "eu-north-1", {"Buckets": "Bucket"}),
    ]
    assert {action["Parameters"]["duration"] for action in experiment["Actions"].values()} == {"PT10M"}


def test_its_targets_are_the_primary_s_own_table_and_bucket() -> None:
    targets = properties(template("us-east-1/drill", drill="fis"), "Experiment")["Targets"]

    arns = [target["ResourceArns"][0]["Fn::Sub"].removeprefix("arn:${AWS::Partition}:") for target in targets.values()]
    assert arns == [
        "dynamodb:${AWS::Region}:${AWS::AccountId}:table/tap-${EnvironmentSuffix}-global",
        "s3:::tap-${EnvironmentSuffix}-${AWS::AccountId}-${AWS::Region}-an",
    ]


def test_its_role_may_pause_these_and_change_nothing_else() -> None:
    made = template("us-east-1/drill", drill="fis")

    trusted = properties(made, "ExperimentRole")["AssumeRolePolicyDocument"]["Statement"]
    assert [statement["Principal"] for statement in trusted] == [{"Service": "fis.amazonaws.com"}]
    by_sid = {statement["Sid"]: statement for statement in statements(made, "ExperimentRole")}
    # Its policy, and its stream's: FIS writes into both.
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/tap-${EnvironmentSuffix}-global"
    assert by_sid["PauseTable"]["Resource"] == [{"Fn::Sub": table}, {"Fn::Sub": f"{table}/stream/*"}]
    assert by_sid["FindTable"]["Resource"] == [{"Fn::Sub": table}]
    assert [sid for sid, statement in by_sid.items() if statement["Resource"] == ["*"]] == ["FindBuckets"]
    assert by_sid["FindBuckets"]["Action"] == ["s3:ListAllMyBuckets"]
    assert by_sid["PauseBucket"]["Condition"] == {"StringEquals": {"s3:DestinationRegion": ["us-west-2"]}}
    assert by_sid["WriteRulesToPauseOnly"]["Condition"] == {"BoolIfExists": {"s3:isReplicationPauseRequest": "true"}}


def test_it_carries_the_system_s_tags() -> None:
    tags = properties(template("us-east-1/drill", drill="fis", tags={"team": "core"}), "Experiment")["Tags"]

    assert tags == {"project": "tap", "environment": {"Ref": "EnvironmentSuffix"}, "team": "core"}


@pytest.mark.parametrize("drill", ["fis", {"fis": True}, {"fis": {}}, {"fis": {"stop_alarms": []}}])
def test_without_an_alarm_nothing_but_the_drill_stops_it(drill: object) -> None:
    assert properties(template("us-east-1/drill", drill=drill), "Experiment")["StopConditions"] == [{"Source": "none"}]


@given(st.from_regex(r"[!-~]([ -~]*[!-~])?", fullmatch=True).filter(lambda name: not name.startswith("arn:")))
def test_an_alarm_that_stops_it_is_one_of_its_region_and_account_by_the_name_that_was_said(name: str) -> None:
    made = template("us-east-1/drill", drill={"fis": {"stop_alarms": [name[:255].strip()]}})

    (condition,) = properties(made, "Experiment")["StopConditions"]
    assert condition["Source"] == "aws:cloudwatch:alarm"
    parts = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "111122223333"}
    # As CloudFormation does it: ${!x} is the text ${x}.
    arn = re.sub(
        r"\$\{([^}]+)\}", lambda match: parts.get(match[1], "?"), condition["Value"]["Fn::Sub"].replace("${!", "\0")
    )
    assert arn.replace("\0", "${") == f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name[:255].strip()}"


def test_built_in_alarms_that_it_does_not_set_off_stop_it_too_as_many_as_fis_takes() -> None:
    def conditions(*names: str, **sections: Any) -> list[str]:
        drill = {"fis": {"stop_alarms": [*names]}}
        experiment = properties(template("us-east-1/drill", drill=drill, alarms={}, **sections), "Experiment")
        return [condition["Value"]["Fn::Sub"].rpartition(":alarm:")[2] for condition in experiment["StopConditions"]]

    ours = [f"tap-${{EnvironmentSuffix}}-function-{what}" for what in ("errors", "duration")]
    assert conditions() == ours
    assert conditions("checkout") == ["checkout", *ours]
    assert conditions(*"abcd") == [*"abcd", ours[0]]
    many = conditions(functions={name: {} for name in ("one", "two", "three", "four")})
    assert [name.rpartition("-")[2] for name in many] == ["errors"] * 5
    stacks = {stack.id: stack for stack in make_topology(make_loaded_config(drill="fis", alarms={})).stacks}
    assert "us-east-1/alarms" in stacks[StackId("us-east-1/drill")].needs


def test_its_role_is_the_same_with_alarms_since_fis_watches_them_by_its_own() -> None:
    with_alarm = template("us-east-1/drill", drill={"fis": {"stop_alarms": ["errors"]}})

    assert statements(with_alarm, "ExperimentRole") == statements(
        template("us-east-1/drill", drill="fis"), "ExperimentRole"
    )
