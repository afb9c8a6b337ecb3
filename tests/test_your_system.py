"""What docs/your-system.md shows can be written into dr.yaml as it stands."""

import re
from pathlib import Path

import pytest
import yaml

from answer import ROOT
from builder.assembly import OutputOf, PreviousValue
from builder.assembly.manifest import ByEnvironment
from builder.components.own.options import SOURCES, OwnStackConfig
from builder.components.system import make_topology
from builder.config import read_wanted
from builder.topology import Topology

PAGE = (ROOT / "docs" / "your-system.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
HEAD = "project: shop\nenvironment: dev\nregions: {primary: us-east-1, secondaries: [us-west-2]}\n"


def topology_of(block: str, folder: Path) -> Topology:
    """Return the topology of a block in a file of its own, with a file for each template that it names."""
    (folder / "dr.yaml").write_text(block if block.startswith("project:") else HEAD + block)
    for stack in yaml.safe_load(block)["stacks"].values():
        path = folder / stack["template"]
        path.parent.mkdir(exist_ok=True)
        path.write_text("Resources: {}\n")
    return make_topology(read_wanted(folder / "dr.yaml"))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0])
def test_each_piece_of_dr_yaml_is_one(block: str, tmp_path: Path) -> None:
    assert topology_of(block, tmp_path).stacks


def test_every_key_and_every_form_of_a_value_is_told(tmp_path: Path) -> None:
    block = next(block for block in BLOCKS if "previous" in block)
    assert {key for key in SOURCES if f"{{{key}: " in block} == set(SOURCES)
    app = next(stack for stack in topology_of(block, tmp_path).stacks if stack.id == "us-west-2/app")
    forms = {name: type(value) for name, value in app.parameters.items()}
    assert set(forms.values()) == {str, OutputOf, ByEnvironment, PreviousValue}
    assert [name for name in OwnStackConfig.model_fields if f"\n| `{name}` |" not in PAGE] == []


def test_the_page_is_reached_from_where_people_begin() -> None:
    for page, link in (("README.md", "docs/your-system.md"), ("docs/architecture.md", "your-system.md")):
        assert f"]({link})" in (ROOT / page).read_text()
