"""What docs/your-system.md shows can be written into dr.yaml as it stands, and a fleet takes of it what it says."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from answer import ROOT
from builder.assembly import Assembly, OutputOf, UsePreviousValue
from builder.assembly.manifest import ByEnvironment
from builder.assembly.render import make_fleet_assembly
from builder.components.fleet.options import FleetConfig
from builder.components.own.options import SOURCES, OwnStackConfig
from builder.components.system import make_topology
from builder.config import load_config
from builder.errors import BadInput
from builder.template import read_template
from builder.terms import AccountId
from builder.topology import Topology

PAGE = (ROOT / "docs" / "your-system.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
HEAD = "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"


def topology_of(block: str, folder: Path) -> Topology:
    """Return the topology of a block in a file of its own, with a file for each template that it names."""
    (folder / "dr.yaml").write_text(block if block.startswith("project:") else HEAD + block)
    sections = yaml.safe_load(block)
    if "functions" in sections:
        shutil.copytree(ROOT / "lambda", folder / "lambda")
    for stack in sections.get("stacks", {}).values():
        path = folder / stack["template"]
        path.parent.mkdir(exist_ok=True)
        path.write_text("Resources: {}\n")
    return make_topology(load_config(folder / "dr.yaml"))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0])
def test_each_piece_of_dr_yaml_is_one(block: str, tmp_path: Path) -> None:
    assert topology_of(block, tmp_path).stacks


def test_every_key_and_every_form_of_a_value_is_told(tmp_path: Path) -> None:
    block = next(block for block in BLOCKS if "previous" in block)
    assert {key for key in SOURCES if f"{{{key}: " in block} == set(SOURCES)
    app = next(stack for stack in topology_of(block, tmp_path).stacks if stack.id == "us-west-2/app")
    forms = {name: type(value) for name, value in app.parameters.items()}
    assert set(forms.values()) == {str, OutputOf, ByEnvironment, UsePreviousValue}
    assert [name for name in OwnStackConfig.model_fields if f"\n| `{name}` |" not in PAGE] == []


def test_the_page_is_reached_from_where_people_begin() -> None:
    for page, link in (("README.md", "docs/your-system.md"), ("docs/architecture.md", "your-system.md")):
        assert f"]({link})" in (ROOT / page).read_text()


def example_of_fleet(**values: str) -> Assembly | None:
    """Return the fleet's assembly of the example in one account, the service given these values."""
    loaded = load_config(ROOT / "docs" / "examples" / "own" / "dr.yaml")
    stacks = loaded.config.stacks
    service = stacks["service"].model_copy(update={"parameters": {**stacks["service"].parameters, **values}})
    fleet = FleetConfig(permission_model="self-managed", accounts=(AccountId("4" * 12),))
    config = loaded.config.model_copy(update={"fleet": fleet, "stacks": {**stacks, "service": service}})
    return make_fleet_assembly(replace(loaded, config=config))


@pytest.mark.processes
def test_a_fleet_refuses_what_is_bound_to_an_output_and_has_a_set_for_each_stack_and_region_else() -> None:
    with pytest.raises(BadInput, match="us-east-1/service: parameter QueueUrl: is an output of us-east-1/queue") as no:
        example_of_fleet()
    assert "SSM parameter" in (no.value.next_step or "")
    fleet = example_of_fleet(QueueUrl="https://example.com/queue", QueueArn="arn:aws:sqs:us-east-1:444444444444:queue")
    assert fleet
    sets = read_template(fleet.templates["fleet.yaml"]).resources("AWS::CloudFormation::StackSet")
    assert list(sets) == [
        *("UsEast1Network", "UsWest2Network", "UsEast1Queue", "UsWest2Queue", "UsEast1Orders"),
        *("UsEast1Service", "UsWest2Service", "UsEast1Alerts"),
    ]
