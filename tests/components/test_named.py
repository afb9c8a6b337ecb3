"""Tables, buckets and functions by name: their stacks, names, outputs and components, beside those without a name."""

from typing import Any

import pytest

from builder.components.system import check_names, make_topology
from builder.errors import BadInput
from builder.topology import Topology
from components.templates import properties, template
from loaded_config import ABSENT, make_loaded_config

NAMED: dict[str, Any] = {"tables": {"orders": {}, "carts": {}}, "buckets": {"uploads": {}}, "functions": {"api": {}}}


def topology(**sections: Any) -> Topology:
    return make_topology(make_loaded_config(**sections))


def test_each_stands_beside_those_without_a_name() -> None:
    plain, both = topology(), topology(**NAMED)

    assert {stack.id for stack in both.stacks} - {stack.id for stack in plain.stacks} == {
        "us-east-1/orders",
        "us-east-1/carts",
        "us-east-1/uploads",
        "us-west-2/uploads",
        "us-east-1/api",
        "us-west-2/api",
    }
    assert [stack for stack in both.stacks if stack in plain.stacks] == [*plain.stacks]
    assert {stack.stack_name for stack in both.stacks if stack.name == "uploads"} == {
        "tap-${EnvironmentSuffix}-uploads"
    }


def test_what_has_no_name_of_its_own_need_not_be_there() -> None:
    named = topology(table=ABSENT, bucket=ABSENT, function=ABSENT, **NAMED)

    assert [*named.components] == ["orders", "carts", "api", "uploads"]
    assert [*named.outputs] == [
        "api.us-east-1.url",
        "api.us-west-2.url",
        "orders.table",
        "carts.table",
        "uploads.us-east-1.bucket",
        "uploads.us-west-2.bucket",
    ]


def test_components_are_called_as_in_the_file() -> None:
    components = topology(**NAMED).components

    assert [*components] == ["table", "orders", "carts", "function", "api", "bucket", "uploads"]
    orders, uploads = components["orders"].table, components["uploads"].bucket
    assert orders
    assert uploads
    assert orders.name == "tap-${EnvironmentSuffix}-orders"
    assert {region: name.output for region, name in uploads.names.items()} == {
        "us-east-1": ("us-east-1/uploads", "BucketName"),
        "us-west-2": ("us-west-2/uploads", "BucketName"),
    }
    assert uploads.replication == (("us-east-1", "us-west-2"),)


@pytest.mark.parametrize(
    ("stack", "resource", "key", "name"),
    [
        ("us-east-1/orders", "Table", "TableName", "tap-${EnvironmentSuffix}-orders"),
        (
            "us-west-2/uploads",
            "Bucket",
            "BucketName",
            "tap-${EnvironmentSuffix}-uploads-${AWS::AccountId}-${AWS::Region}-an",
        ),
        ("us-west-2/api", "Function", "FunctionName", "tap-${EnvironmentSuffix}-api-${AWS::Region}"),
    ],
)
def test_physical_names_hold_the_component_s(stack: str, resource: str, key: str, name: str) -> None:
    assert properties(template(stack, **NAMED), resource)[key] == {"Fn::Sub": name}


def test_a_function_by_name_is_given_neither_table_nor_the_role_that_it_was_born_with() -> None:
    body = template("us-east-1/api", **NAMED)

    assert [*body["Parameters"]] == ["EnvironmentSuffix", "Role"]
    assert [*properties(body, "Function")["Environment"]["Variables"]] == ["ROLE", "REGIONS"]
    (policy,) = properties(body, "ExecutionRole")["Policies"]
    assert [statement["Sid"] for statement in policy["PolicyDocument"]["Statement"]] == ["WriteLogs"]


def test_a_stack_of_the_user_s_cannot_be_called_as_a_component() -> None:
    with pytest.raises(BadInput, match="`tables:` makes"):
        topology(tables={"orders": {}}, stacks={"orders": {"template": "orders.yaml"}})


def test_a_component_of_the_user_s_cannot_be_called_as_one_that_is_built_in() -> None:
    stacks = {"own": {"template": "own.yaml"}}
    with pytest.raises(BadInput, match="is built in here: `tables:` makes it"):
        topology(tables={"orders": {}}, stacks=stacks, components={"orders": {"table": {"name": "x"}}})


def test_a_bucket_s_name_can_be_too_long_with_the_component_s() -> None:
    with pytest.raises(BadInput, match=r"the bucket 'tap-dev-a{20}-0{12}-us-east-1-an' would have 49|of 63"):
        check_names(make_loaded_config(buckets={"a" * 40: {}}))


def test_drills_pause_all_of_them() -> None:
    body = template("us-east-1/drill", drill={"fis": True}, **NAMED)
    experiment = properties(body, "Experiment")

    assert [*experiment["Targets"]] == ["Table", "Orders", "Carts", "Bucket", "Uploads"]
    assert [*experiment["Actions"]] == ["PauseTable", "Pause-Orders", "Pause-Carts", "PauseBucket1", "Pause-Uploads-1"]


def test_what_drills_work_on_is_a_component_one_of_a_kind() -> None:
    assert "orders" in topology(drill={"components": ["orders", "api"]}, **NAMED).components
    with pytest.raises(BadInput, match=r"drill.components: 'order': there is no such component \(did you mean orders"):
        topology(drill={"components": ["order"]}, **NAMED)
    with pytest.raises(BadInput, match="'orders' and 'carts' are both a table"):
        topology(drill={"components": ["orders", "carts"]}, **NAMED)


def test_drills_pause_each_whatever_the_others_are_called() -> None:
    tables, buckets = ("a-1", "a1", "a11", "b", "bucket1"), ("a", "b1", "c-1", "c1")
    body = template(
        "us-east-1/drill",
        drill={"fis": True},
        tables={name: {} for name in tables},
        buckets={name: {} for name in buckets},
    )
    experiment = properties(body, "Experiment")

    assert len(experiment["Targets"]) == len(experiment["Actions"]) == len(tables) + len(buckets) + 2
