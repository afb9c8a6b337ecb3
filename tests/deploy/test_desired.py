from dataclasses import replace

import pytest

from builder.assembly import OutputOf
from builder.assembly.components import Roles, Table
from builder.assembly.render import make_assembly
from builder.deploy import Deployment, make_deployment, narrow
from builder.errors import BadInput
from builder.terms import LogicalId, Region, StackId
from deploy.rig import shipped
from loaded_config import make_loaded_config


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
    assert {name: component.regions for name, component in left.components.items()} == dict.fromkeys(
        ("table", "function", "bucket"), (west,)
    )


def test_a_stack_names_the_stacks_whose_outputs_it_takes() -> None:
    table = shipped().stack(StackId("us-east-1/table"))
    keys = StackId("us-east-1/keys")
    bound = replace(table, parameters={"A": "plain", "B": OutputOf((keys, "Arn")), "C": OutputOf((keys, "Id"))})
    assert bound.sources == (keys,)
    assert table.sources == ()


def deployed_with(existing: str) -> Deployment:
    """Return the shipped system bound, its table's stack saying that something of it stands already."""
    made = make_assembly(make_loaded_config())
    stacks = tuple(
        replace(entry, existing=(LogicalId(existing),)) if entry.id == "us-east-1/table" else entry
        for entry in made.manifest.stacks
    )
    return make_deployment(replace(made.manifest, stacks=stacks), made.templates, "qa")


def test_what_stands_already_is_known_of_its_stack_alone() -> None:
    existing = {stack.id: stack.existing for stack in deployed_with("Table").stacks if stack.existing}
    assert existing == {"us-east-1/table": ("Table",)}


def test_what_is_not_in_the_template_cannot_stand_already() -> None:
    with pytest.raises(BadInput) as caught:
        deployed_with("Tabel")
    assert str(caught.value) == "tap: us-east-1/table: existing: us-east-1/table.yaml makes no Tabel"
    assert caught.value.next_step == "python -m builder lint    shows where"
