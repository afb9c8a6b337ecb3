"""The whole life by the command line: rendered, executed, called, left alone, updated, looked at, destroyed."""

import json
from pathlib import Path
from typing import Any

import pytest

from answer import Answer
from builder.cli.main import main
from on_aws.lab import EAST, WEST, Lab
from on_aws.mark import TAG


@pytest.fixture
def typed(lab: Lab, project: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command line in a project of the test's own: with its tag, in its account, and URLs that want a signature."""
    text = (project / "dr.yaml").read_text(encoding="utf-8").replace("url_auth: NONE", "url_auth: AWS_IAM")
    own = f'\ntags: {{"{TAG}": "{lab.mark}"}}\nenvironments: {{{lab.mark.test}: {{account: "{lab.account}"}}}}\n'
    (project / "dr.yaml").write_text(text + own, encoding="utf-8")

    def run(*arguments: str, code: int = 0) -> Answer:
        capsys.readouterr()
        ended = main([*arguments, "--env", lab.mark.test])
        wrote = capsys.readouterr()
        answer = Answer(ended, wrote.out, wrote.err)
        assert ended == code, answer
        return answer

    return run


def test_the_whole_life(lab: Lab, typed: Any, project: Path) -> None:
    typed("render")
    typed("lint")
    typed("plan", "-o", "plan.json")
    assert len(json.loads((project / "plan.json").read_text())["steps"]) == 5
    typed("execute", "plan.json", "--yes")
    outputs = json.loads(typed("outputs", "--json").out)
    assert outputs["primaryLambdaUrl"].startswith("https://")
    _use(lab, typed)
    assert "all 5 stacks are as they should be" in typed("deploy", "--yes").out
    _update(typed, project)
    rows = json.loads(typed("status", "--json").out)["sites"]
    assert {stack["template"] for site in rows for stack in site["stacks"]} == {"same"}
    assert "5 stacks: 0 drifted, 0 absent, 0 unknown" in typed("drift").out
    assert _inventory(lab) != []
    typed("destroy", "--yes")
    assert _inventory(lab) == []


def _use(lab: Lab, typed: Any) -> None:
    """Write in each region by its URL, and read it in the other one."""
    for here, there in ((EAST, WEST), (WEST, EAST)):
        typed("call", "PUT", f"/items/from-{here}", "--data", '{"total": 12.5}', "--region", here)

        def observe(path: str = f"/items/from-{here}", region: str = there) -> bool | None:
            return main(["call", "GET", path, "--region", region, "--env", lab.mark.test]) == 0 or None

        lab.until(observe, f"what was written in {here}, in {there}")


def _update(typed: Any, project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    typed("render")
    answer = typed("plan", "-o", "update.json", "--detailed-exitcode", code=3)
    steps = json.loads((project / "update.json").read_text())["steps"]
    assert {step["stack"] for step in steps} == {f"{EAST}/service", f"{WEST}/service"}, answer
    typed("execute", "update.json", "--yes")


def _inventory(lab: Lab) -> list[str]:
    """Return all that has the environment's name, asked of boto3 alone."""
    suffix = lab.mark.test
    names = [bucket["Name"] for bucket in lab.client("s3").list_buckets()["Buckets"]]
    names += _every(lab.client("iam"), "list_roles", "Roles", "RoleName")
    for region in (EAST, WEST):
        for service, operation, key, name in (
            ("cloudformation", "describe_stacks", "Stacks", "StackName"),
            ("lambda", "list_functions", "Functions", "FunctionName"),
            ("logs", "describe_log_groups", "logGroups", "logGroupName"),
            ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        ):
            names += _every(lab.client(service, region), operation, key, name)
        tables = lab.client("dynamodb", region).get_paginator("list_tables").paginate()
        names += [name for page in tables for name in page["TableNames"]]
    return [name for name in names if suffix in name]


def _every(client: Any, operation: str, key: str, name: str) -> list[str]:
    return [each[name] for page in client.get_paginator(operation).paginate() for each in page[key]]
