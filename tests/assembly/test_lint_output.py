"""What cfn-lint's formatters make of findings: the same as of its own, and the checks appear among its rules."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from builder.assembly.finding import CHECKS
from builder.assembly.lint import Linted, in_format, lint_assembly

ROOT = Path(__file__).parents[2]
TABLE = "templates/us-east-1/table.yaml"


@pytest.fixture(scope="module")
def linted(linter: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linted]:
    """An assembly whose table is wrong to cfn-lint, to a rule of ours, and to its manifest."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "templates", folder / "templates")
    table = (folder / TABLE).read_text()
    wrong = table.replace("BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED\n      Nonsense: 1")
    (folder / TABLE).write_text(wrong)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield lint_assembly(Path("templates"))


def test_the_findings_come_from_all_three(linted: Linted) -> None:
    assert [finding.rule for finding in linted.findings] == ["X001", "E9504", "E3002"]


@pytest.mark.processes
def test_json_is_cfnlint_s_to_the_letter(linted: Linted) -> None:
    of_rules = replace(linted, findings=tuple(finding for finding in linted.findings if finding.rule not in CHECKS))
    command = [str(Path(sys.executable).parent / "cfn-lint"), TABLE, "--format", "json", "--include-checks", "I"]
    done = subprocess.run([*command, "--append-rules", "builder.rules"], capture_output=True, text=True, check=False)

    assert in_format(of_rules, "json") == done.stdout.rstrip("\n")


def test_sarif_has_the_checks_among_its_rules(linted: Linted) -> None:
    log = json.loads(in_format(linted, "sarif"))

    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert {rule["id"]: rule["helpUri"] for rule in run["tool"]["driver"]["rules"]}["X001"] == CHECKS["X001"].source
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("X001", "error"),
        ("E9504", "error"),
        ("E3002", "error"),
    ]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert {place["artifactLocation"]["uri"] for place in places} == {TABLE}
    assert [place["region"]["startLine"] for place in places] == [finding.line for finding in linted.findings]


def test_junit_has_a_case_for_every_rule_and_check_and_a_failure_for_every_finding(linted: Linted) -> None:
    root = ET.fromstring(in_format(linted, "junit"))  # noqa: S314 - written a moment ago
    cases = {str(case.get("name")).split()[0]: case for case in root.iter("testcase")}

    assert CHECKS.keys() | {"E3002", "E9504", "W9523"} <= cases.keys()
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert failed == {"X001", "E9504", "E3002"}
    assert all(cases[check].find("skipped") is None for check in CHECKS)


def test_the_texts_name_every_finding(linted: Linted) -> None:
    parseable = in_format(linted, "parseable").splitlines()

    assert [line.split(":")[0] for line in parseable] == [TABLE] * 3
    assert [line.split(":")[5] for line in parseable] == ["X001", "E9504", "E3002"]
    assert in_format(linted, "quiet").count(TABLE) == 3
    assert "found 3 errors" in in_format(linted, "pretty")


def test_nothing_found_is_a_result_as_well(linted: Linted) -> None:
    clean = replace(linted, findings=())

    assert in_format(clean, "json") == "[]"
    assert in_format(clean, "parseable") == ""
    assert json.loads(in_format(clean, "sarif"))["runs"][0]["results"] == []
