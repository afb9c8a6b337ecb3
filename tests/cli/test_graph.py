"""`graph` through the command line."""

from pathlib import Path

from answer import Command

ROOT = Path(__file__).parents[2]


def test_it_draws_what_dr_yaml_leads_to_rendered_or_not(project: Path, builder: Command) -> None:
    file = project / "dr.yaml"
    file.write_text(file.read_text().replace("secondaries: [us-west-2]", "secondaries: [us-west-2, us-west-1]"))

    answer = builder("graph")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("flowchart TB\n")
    assert '["us-west-1"]' in answer.out


def test_it_draws_an_assembly_without_dr_yaml(project: Path, builder: Command) -> None:
    (project / "dr.yaml").unlink()
    golden = ROOT / "tests" / "golden" / "three_regions"

    assert builder("graph", "--assembly", str(golden / "templates")).out == (golden / "graph.mmd").read_text()
    answer = builder("graph", "--format", "dot", "--assembly", str(golden / "templates"))
    assert (answer.code, answer.out) == (0, (golden / "graph.dot").read_text())


def test_the_environment_makes_no_difference(project: Path, builder: Command) -> None:
    assert builder("graph", "--env", "prod").out == builder("graph").out


def test_an_assembly_that_is_not_there_is_a_wrong_input(project: Path, builder: Command) -> None:
    answer = builder("graph", "--assembly", "nowhere")

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: nowhere/manifest.json: cannot be read")
