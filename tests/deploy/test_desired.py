import pytest

from builder.assembly import read_assembly
from builder.deploy import make_deployment
from builder.errors import BadInput
from deploy.rig import ROOT, shipped


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


def test_a_template_too_large_to_send_is_refused_with_its_size() -> None:
    assembly = read_assembly(ROOT / "templates")
    large = dict.fromkeys(assembly.templates, b"#" * 51_201)
    with pytest.raises(BadInput, match="51,201 bytes"):
        make_deployment(assembly.manifest, large, "dev")
