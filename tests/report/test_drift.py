import json
from datetime import UTC, datetime

import jsonschema

from builder.assembly.components import OneWay
from builder.report.state import drift_event, drift_text
from builder.state.records import Differences, Disparity, DriftedResource, DriftedStack, PropertyDrift
from builder.terms import Region
from report.events import events_schema

EAST, WEST = Region("us-east-1"), Region("us-west-2")
MEMORY = PropertyDrift(path="/MemorySize", kind="NOT_EQUAL", expected="256", actual="512")
FUNCTION = DriftedResource(
    logical_id="Function", type="AWS::Lambda::Function", physical_id="f", status="MODIFIED", properties=(MEMORY,)
)
STACKS = (
    DriftedStack(region=EAST, name="app", status="DRIFTED", resources=(FUNCTION,)),
    DriftedStack(region=WEST, name="app", status="IN_SYNC"),
    DriftedStack(region=WEST, name="old", status="UNKNOWN", problem="DELETE_FAILED does not allow drift detection"),
)
DISPARITIES = (Disparity(thing="app/Function", setting="code", values={EAST: "abc", WEST: ""}),)
DIFFERENCES = Differences(stacks=STACKS, disparities=DISPARITIES)


def test_what_differs_is_told_with_both_values_and_the_rest_is_counted() -> None:
    assert drift_text(DIFFERENCES).plain.splitlines() == [
        "us-east-1/app  DRIFTED",
        "  Function  AWS::Lambda::Function  MODIFIED  f",
        "      /MemorySize: 256 -> 512  NOT_EQUAL",
        "us-west-2/old  UNKNOWN: DELETE_FAILED does not allow drift detection",
        "the regions differ:",
        "  app/Function: code",
        "      us-east-1       abc",
        "      us-west-2       (none)",
        "3 stacks: 1 drifted, 0 absent, 1 unknown; differences between regions: 1",
    ]


def test_objects_that_do_not_come_back_are_told_and_are_no_difference() -> None:
    ways = (OneWay(component="uploads", source=EAST, destination=WEST),)
    lines = drift_text(Differences(stacks=(), disparities=(), one_way=ways)).plain.splitlines()
    assert lines == [
        "uploads: objects go from us-east-1 to us-west-2; those written to us-west-2 do not come back",
        "0 stacks: 0 drifted, 0 absent, 0 unknown; differences between regions: 0",
    ]


def test_a_detection_that_failed_in_part_tells_what_it_found_and_why_not_all() -> None:
    half = DriftedStack(region=EAST, name="app", status="DRIFTED", resources=(FUNCTION,), problem="not allowed: Role")
    gone = DriftedStack(region=WEST, name="app", status="ABSENT")
    lines = drift_text(Differences(stacks=(half, gone), disparities=())).plain.splitlines()
    assert lines[0] == "us-east-1/app  DRIFTED: not allowed: Role"
    assert lines[-2:] == [
        "us-west-2/app  ABSENT",
        "2 stacks: 1 drifted, 1 absent, 1 unknown; differences between regions: 0",
    ]


def test_where_nothing_differs_one_line_says_so() -> None:
    assert (
        drift_text(Differences(stacks=STACKS[1:2], disparities=())).plain
        == "1 stack: 0 drifted, 0 absent, 0 unknown; differences between regions: 0"
    )


def test_what_did_not_answer_is_told_and_counted() -> None:
    silent = ("eu-west-1: AWS does not answer",)
    lines = drift_text(Differences(stacks=STACKS[1:2], disparities=(), silent=silent)).plain.splitlines()
    assert lines == [*silent, "1 stack: 0 drifted, 0 absent, 0 unknown; differences between regions: 0; not read: 1"]


def test_as_json_it_is_one_line_of_the_schema() -> None:
    line = json.loads(drift_event(DIFFERENCES, datetime(2026, 1, 1, tzinfo=UTC)))
    jsonschema.Draft202012Validator(events_schema()).validate(line)
    assert line["event"] == "drift.seen"
    assert line["disparities"][0]["values"] == {"us-east-1": "abc", "us-west-2": ""}
