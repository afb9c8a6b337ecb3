"""dr.yaml to a model: each broken file with the whole text of its errors."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.config import load_config
from builder.errors import BadInput, ExitCode, Several
from builder.packing.read import Inline
from config.project import GOOD, HERE, Project

BROKEN: list[dict[str, Any]] = yaml.safe_load((HERE / "broken.yaml").read_text())


def test_the_good_file_is_good(dr: Project) -> None:
    loaded = dr.read()

    assert loaded.config.function
    assert loaded.config.function.memory_mb == 256
    assert loaded.folder == Path()
    assert loaded.code["function"] == Inline("def handler(event, context): ...\n")
    assert loaded.warnings == ()


@pytest.mark.parametrize("broken", BROKEN, ids=[broken["claim"] for broken in BROKEN])
def test_a_broken_file_is_told(dr: Project, broken: dict[str, Any]) -> None:
    dr.edit(broken["replace"], broken["by"])

    assert dr.errors() == broken["told"]


def test_the_table_of_broken_files_is_a_long_one() -> None:
    assert len(BROKEN) >= 60


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "{LEVEL: info}",
            "{LEVEL: " + "x" * 4092 + "}",
            "17: function.environment: 4,097 bytes of names and values, and Lambda takes 4,096",
        ),
        (
            "{team: core}",
            "{team: " + "x" * 257 + "}",
            f"18: tags.team: '{'x' * 60}…' has 257 characters: 256 at most",
        ),
        (
            "{team: core}",
            "{" + ", ".join(f"t{number}: v" for number in range(47)) + "}",
            "18: tags: has 47 entries: 46 at most",
        ),
    ],
    ids=["variables", "tag", "tags"],
)
def test_what_is_too_long_is_told_with_its_limit(dr: Project, old: str, new: str, message: str) -> None:
    dr.edit(old, new)

    assert dr.errors() == [message]


def test_all_faults_are_told_at_once_in_the_order_of_the_file(dr: Project) -> None:
    text = GOOD.replace("project: tap", "project: Tap").replace("us-west-2", "us-west-9, us-east-1")
    text = text.replace("timeout_s: 10", "timeout: 10").replace("url_auth: NONE", "url_auth: NONE\n  url_auth: NONE")
    dr.write(text.replace("lambda/python", "lambda/none").replace("{LEVEL: info}", "{ROLE: info}"))

    with pytest.raises(Several) as caught:
        dr.read()

    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert [error.where for error in caught.value.errors] == [
        "dr.yaml:1: project",
        "dr.yaml:5: regions.secondaries[0]",
        "dr.yaml:5: regions.secondaries[1]",
        "dr.yaml:12: function.source",
        "dr.yaml:14: function.timeout",
        "dr.yaml:17: function.url_auth",
        "dr.yaml:18: function.environment.ROLE",
    ]


def test_a_file_is_named_as_it_was_given(dr: Project) -> None:
    dr.edit("dev", "Dev")

    with pytest.raises(BadInput, match=f"^{dr.folder.as_posix()}/dr.yaml:2: environment: "):
        load_config(dr.folder / "dr.yaml")


@pytest.mark.parametrize(
    ("path", "why"), [("none.yaml", "No such file or directory"), ("lambda", "Is a directory")], ids=["none", "folder"]
)
def test_a_file_that_cannot_be_read_leads_to_init(dr: Project, path: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        load_config(Path(path))

    assert str(caught.value) == f"{path}: cannot be read ({why})"
    assert caught.value.next_step.startswith("python -m builder init")


class TestRuntime:
    def test_near_its_end_is_a_warning(self, dr: Project) -> None:
        dr.edit("python3.14", "nodejs22.x")
        dr.handler("exports.handler = 1", "lambda/python/index.js")

        assert dr.read().warnings == (
            (
                "dr.yaml:11: function.runtime: 'nodejs22.x' has no security updates after 2027-04-30,"
                " and AWS refuses new functions with it from 2027-06-01 (use nodejs24.x)"
            ),
        )

    def test_past_its_end_is_a_fault_beside_the_others(self, dr: Project) -> None:
        dr.edit("us-west-2", "us-west-9")

        assert dr.errors(date(2029, 7, 31)) == [
            "5: regions.secondaries[0]: 'us-west-9' is not an AWS region (did you mean us-west-2?)",
            "11: function.runtime: 'python3.14' cannot be deployed: AWS refuses new functions with it since 2029-07-31",
        ]

    def test_is_not_judged_without_a_date(self, dr: Project) -> None:
        assert load_config(dr.folder / "dr.yaml").warnings == ()


def test_a_handler_is_judged_although_the_rest_is_wrong(dr: Project) -> None:
    dr.edit("dev", "Dev")
    dr.handler("def handler(:\n")

    assert [line.split(": ")[1] for line in dr.errors()] == ["environment", "function.source"]


def test_a_function_that_is_no_section_has_no_handler_to_judge(dr: Project) -> None:
    dr.write(GOOD.split("function:")[0] + "function: [lambda/none]\n")

    assert dr.errors() == ["10: function: holds a list, and should be keys with values"]


def test_places_are_known_to_those_who_find_fault_later(dr: Project) -> None:
    assert dr.read().lines.where(("regions", "secondaries", 0)) == "dr.yaml:5: regions.secondaries[0]"
