from typing import Any

import pytest

from builder.config.between import faults_between

REGIONS = {"primary": "us-east-1", "secondaries": ["us-west-2"]}


def keys(data: dict[str, Any]) -> list[tuple[str | int, ...]]:
    return [fault.place for fault in faults_between(data)]


def test_nothing_is_wrong_between_good_keys() -> None:
    environment = {"account": "111122223333", "role_arn": "arn:aws:iam::111122223333:role/cfn"}

    assert keys({"regions": REGIONS, "environments": {"prod": environment}}) == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"regions": None, "function": [], "tags": 1, "environments": "x"},
        {
            "regions": {"primary": [], "secondaries": {}},
            "function": {"environment": []},
            "environments": {"prod": None},
        },
        {"regions": {"primary": {}, "secondaries": [[], {}, None, 1, "nowhere"]}},
        {"regions": REGIONS, "environments": {"prod": {"role_arn": 1, "account": {}}}},
    ],
)
def test_what_is_of_the_wrong_kind_is_left_to_others(data: dict[str, Any]) -> None:
    assert keys(data) == []


def test_one_bad_region_does_not_hide_another() -> None:
    secondaries = ["nowhere", "us-west-2", "us-west-2", "cn-north-1"]

    assert keys({"regions": {"primary": "nothing", "secondaries": secondaries}}) == [
        ("regions", "secondaries", 2),
        ("regions", "secondaries", 3),
    ]


def test_every_name_that_is_taken_is_told() -> None:
    variables = {"ROLE": "x", "AWS_REGION": "x", "LAMBDA_TASK_ROOT": "x", "LEVEL": "x"}

    assert keys({"function": {"environment": variables}, "tags": {"AWS:x": "", "builder:stack": "", "aws": ""}}) == [
        ("function", "environment", "ROLE"),
        ("function", "environment", "AWS_REGION"),
        ("function", "environment", "LAMBDA_TASK_ROOT"),
        ("tags", "AWS:x"),
        ("tags", "builder:stack"),
    ]


@pytest.mark.parametrize("kind", ["table", "bucket", "function"])
def test_alarms_look_at_something(kind: str) -> None:
    assert keys({"alarms": None}) == [("alarms",)]
    assert keys({"alarms": {}, "buckets": {"a": {"replication": "none"}}}) == [("alarms",)]
    assert keys({"alarms": {}, kind: None}) == keys({"alarms": {}, f"{kind}s": {"a": None}}) == []


def test_variables_are_counted_in_bytes() -> None:
    assert keys({"function": {"environment": {"LEVEL": "ä" * 2045}}}) == []
    assert keys({"function": {"environment": {"LEVEL": "ä" * 2046}}}) == [("function", "environment")]


def test_a_role_belongs_to_the_environments_account_and_partition() -> None:
    environment = {"account": "111122223333", "role_arn": "arn:aws-cn:iam::444455556666:role/cfn"}

    assert [fault.what for fault in faults_between({"regions": REGIONS, "environments": {"prod": environment}})] == [
        "is a role of account 444455556666, and the environment is of 111122223333",
        "begins with arn:aws-cn:, and 'us-east-1' is in aws",
    ]
