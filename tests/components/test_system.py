from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.components.system import make_topology
from builder.terms import Region
from builder.topology import Stack
from loaded_config import make_loaded_config

THREE = {"primary": "eu-central-1", "secondaries": ["eu-west-1", "eu-north-1"]}


def topology(**sections: Any) -> dict[str, Stack]:
    return {stack.id: stack for stack in make_topology(make_loaded_config(**sections)).stacks}


def test_the_default_system_has_five_stacks() -> None:
    assert list(topology()) == [
        "us-west-2/storage",
        "us-east-1/storage",
        "us-east-1/table",
        "us-east-1/service",
        "us-west-2/service",
    ]


def test_each_secondary_adds_a_bucket_and_a_service() -> None:
    assert list(topology(regions=THREE)) == [
        "eu-west-1/storage",
        "eu-north-1/storage",
        "eu-central-1/storage",
        "eu-central-1/table",
        "eu-central-1/service",
        "eu-west-1/service",
        "eu-north-1/service",
    ]


def test_a_bucket_that_replicates_needs_every_destination() -> None:
    assert topology(regions=THREE)["eu-central-1/storage"].needs == ("eu-west-1/storage", "eu-north-1/storage")


def test_a_destination_and_the_table_need_nothing() -> None:
    stacks = topology()

    assert stacks["us-west-2/storage"].needs == stacks["us-east-1/table"].needs == ()


def test_a_service_in_any_region_needs_the_table_and_nothing_of_its_own_region() -> None:
    stacks = topology()

    assert stacks["us-east-1/service"].needs == stacks["us-west-2/service"].needs == ("us-east-1/table",)


def test_a_stack_has_the_same_name_in_every_region() -> None:
    stacks = topology()

    assert {stacks[f"{region}/service"].stack_name for region in ("us-east-1", "us-west-2")} == {
        "tap-${EnvironmentSuffix}-service"
    }


@pytest.mark.parametrize(
    ("stack", "role"), [("eu-central-1", "primary"), ("eu-west-1", "secondary"), ("eu-north-1", "secondary")]
)
def test_a_service_is_told_its_role(stack: str, role: str) -> None:
    assert topology(regions=THREE)[f"{stack}/service"].parameters == {"Role": role, "BornAs": role}


def test_only_stacks_with_a_role_ask_for_the_iam_capability() -> None:
    asking = [entry.id for entry in make_assembly(make_loaded_config()).manifest.stacks if entry.capabilities]

    assert asking == ["us-east-1/storage", "us-east-1/service", "us-west-2/service"]


def test_one_secondary_has_the_five_promised_outputs_and_no_others() -> None:
    assert {name: (stack.id, output) for stack in topology().values() for name, output in stack.outputs} == {
        "primaryLambdaUrl": ("us-east-1/service", "FunctionUrl"),
        "secondaryLambdaUrl": ("us-west-2/service", "FunctionUrl"),
        "globalTableName": ("us-east-1/table", "TableName"),
        "primaryBucketName": ("us-east-1/storage", "BucketName"),
        "secondaryBucketName": ("us-west-2/storage", "BucketName"),
    }


def test_with_several_secondaries_the_first_is_the_secondary_and_each_region_has_its_own_output() -> None:
    stacks = topology(regions=THREE)

    assert stacks["eu-west-1/service"].outputs == (
        ("secondaryLambdaUrl", "FunctionUrl"),
        ("lambdaUrl.eu-west-1", "FunctionUrl"),
    )
    assert stacks["eu-north-1/storage"].outputs == (("bucketName.eu-north-1", "BucketName"),)
    assert stacks["eu-central-1/storage"].outputs[0] == ("primaryBucketName", "BucketName")


def test_a_stack_is_told_by_region_and_kind() -> None:
    stack = Stack(component="table", name="table", region=Region("us-east-1"), stack_name="x")

    assert stack.id == "us-east-1/table"


def test_drills_by_fis_add_a_stack_in_the_primary_that_needs_what_it_pauses() -> None:
    *_, last = make_topology(make_loaded_config(drill="fis")).stacks

    assert last.id == "us-east-1/drill"
    assert last.needs == ("us-east-1/storage", "us-east-1/table")
