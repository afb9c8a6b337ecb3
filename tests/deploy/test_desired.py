from dataclasses import replace

from builder.assembly import OutputOf
from builder.assembly.components import Roles, Table
from builder.deploy import narrow
from builder.terms import Region, StackId
from deploy.rig import shipped


def test_every_name_and_parameter_is_bound_to_the_environment() -> None:
    deployment = shipped("qa")
    assert deployment.name == "tap-qa"
    assert {stack.name for stack in deployment.stacks} == {"tap-qa-storage", "tap-qa-table", "tap-qa-service"}
    assert {stack.parameters["EnvironmentSuffix"] for stack in deployment.stacks} == {"qa"}
    assert "${" not in "".join(f"{stack.name}{stack.tags}{stack.parameters}" for stack in deployment.stacks)


def test_stacks_carry_two_tags_that_never_change() -> None:
    table = next(stack for stack in shipped("qa").stacks if stack.id == "us-east-1/table")
    assert table.tags == {"builder:deployment": "tap-qa", "builder:stack": "us-east-1/table"}


def test_the_digest_is_the_same_in_every_environment() -> None:
    assert shipped("qa").digest == shipped("prod").digest


def test_components_are_bound_to_the_environment_and_narrowed_with_the_regions() -> None:
    deployment = shipped("qa")
    east, west = Region("us-east-1"), Region("us-west-2")
    left = narrow(deployment, [east])
    assert deployment.components["table"].table == Table(name="tap-qa-global", regions=(east, west))
    assert left.roles == deployment.roles == Roles(primary=east, secondaries=(west,))
    assert {name: one.regions for name, one in left.components.items()} == dict.fromkeys(
        ("table", "function", "bucket"), (west,)
    )


def test_a_stack_names_the_stacks_whose_outputs_it_takes() -> None:
    table = shipped().stack(StackId("us-east-1/table"))
    keys = StackId("us-east-1/keys")
    bound = replace(table, parameters={"A": "plain", "B": OutputOf((keys, "Arn")), "C": OutputOf((keys, "Id"))})
    assert bound.sources == (keys,)
    assert table.sources == ()
