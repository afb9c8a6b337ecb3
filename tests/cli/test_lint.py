"""`lint` through the command line: exit codes, and what goes to which stream."""

import json
from pathlib import Path
from typing import cast

import pytest

from answer import Command
from builder.cli.offline import FORMATS

pytestmark = pytest.mark.linter


def test_what_render_writes_has_no_findings(project: Path, builder: Command) -> None:
    answer = builder("lint")

    assert (answer.code, answer.out, answer.err) == (0, "no findings\n", "")


@pytest.fixture
def edited(project: Path) -> Path:
    """A project with a template that is not its manifest's."""
    with (project / "templates" / "us-east-1" / "table.yaml").open("a") as template:
        template.write("\n# edited\n")
    return project


def test_a_finding_is_a_line_and_exit_code_1(edited: Path, builder: Command) -> None:
    answer = builder("lint")

    note = "note: templates is stale against dr.yaml (1 file): python -m builder render\n"
    assert (answer.code, answer.err) == (1, note)
    assert answer.out == (
        "templates/us-east-1/table.yaml:1:1: X001 is not the template that manifest.json was written with\n1 finding\n"
    )


def test_json_events_go_to_stdout_and_the_text_to_stderr(edited: Path, builder: Command) -> None:
    answer = builder("lint", "--json")

    (event,) = map(json.loads, answer.out.splitlines())
    assert answer.code == 1
    assert list(event)[:2] == ["event", "at"]
    assert (event["event"], event["rule"], event["severity"]) == ("lint.finding", "X001", "error")
    assert event["file"] == "templates/us-east-1/table.yaml"
    assert answer.err.endswith("1 finding\n")


def test_a_format_takes_the_place_of_the_text(edited: Path, builder: Command) -> None:
    answer = builder("lint", "--format", "json")

    (match,) = json.loads(answer.out)
    assert (answer.code, match["Rule"]["Id"], match["Level"]) == (1, "X001", "Error")


def test_a_format_that_has_nothing_to_say_says_nothing(project: Path, builder: Command) -> None:
    assert builder("lint", "--format", "parseable").out == ""


def test_another_assembly_can_be_named(edited: Path, builder: Command) -> None:
    (edited / "templates").rename(edited / "elsewhere")

    assert builder("lint", "--assembly", "elsewhere").out.startswith("elsewhere/us-east-1/table.yaml:1:1: X001")


def test_no_assembly_is_bad_input(project: Path, builder: Command) -> None:
    answer = builder("lint", "--assembly", "nowhere")

    assert answer.code == 2
    assert "nowhere/manifest.json: cannot be read" in answer.err
    assert "next:  python -m builder render" in answer.err


def test_an_unknown_format_is_bad_input(builder: Command) -> None:
    assert builder("lint", "--format", "xml").code == 2


def test_the_formats_are_cfnlint_s() -> None:
    from cfnlint.config import CliArgs  # noqa: PLC0415 - takes a third of a second, and no other test here needs it

    (option,) = (action for action in CliArgs([]).parser._actions if "--format" in action.option_strings)
    assert tuple(cast("list[str]", option.choices)) == FORMATS
