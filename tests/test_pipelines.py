"""What docs/pipelines.md shows: commands that there are, documents that are whole, a workflow that is one."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from builder.cli.command import CommandLine
from builder.cli.main import cli
from builder.config import Config

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "pipelines.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, flags=re.DOTALL)
WORKFLOW = (ROOT / "builder" / "starter" / "files" / "deploy.yml").read_text()
SHOWN = "\n".join([*(text for _, text in BLOCKS), re.sub(r"echo .*", "", WORKFLOW)])
COMMANDS = sorted({line.strip() for line in re.findall(r"python -m builder ([^`|>\n]+)", SHOWN)})


def blocks(language: str) -> list[str]:
    return [text for tag, text in BLOCKS if tag == language]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_the_builder_takes(command: str) -> None:
    context = cli.make_context("builder", shlex.split(command), resilient_parsing=True)
    name, verb, rest = cli.resolve_command(context, [*context._protected_args, *context.args])
    assert verb is not None
    with click.Context(verb, parent=context, info_name=name, obj=CommandLine()) as own:
        verb.parse_args(own, rest)


def test_there_are_commands_of_every_step() -> None:
    assert {command.split()[0] for command in COMMANDS} >= {"plan", "execute", "discard", "outputs", "--env"}


def test_every_trust_policy_is_a_whole_document() -> None:
    documents = [json.loads(text) for text in blocks("json")]
    assert [document["Statement"][0]["Action"] for document in documents] == [
        "sts:AssumeRoleWithWebIdentity",
        "sts:AssumeRole",
    ]


def test_every_file_that_is_used_is_made_before() -> None:
    (shell,) = blocks("shell")
    for name in re.findall(r"file://(\S+\.json)", shell):
        assert f"`{name}`" in PAGE or f"> {name}" in shell


def test_what_is_shown_of_dr_yaml_is_taken() -> None:
    required = {
        "project": "tap",
        "environment": "dev",
        "regions": {"primary": "us-east-1", "secondaries": ["us-west-2"]},
    }
    for text in blocks("yaml"):
        shown = yaml.safe_load(text)
        if "jobs" not in shown:
            assert Config.model_validate(required | shown).model_fields_set > required.keys()


def test_the_workflow_plans_with_one_role_and_executes_with_another() -> None:
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    roles = {
        job: step["with"]["role-to-assume"]
        for job, body in jobs.items()
        for step in body["steps"]
        if "role-to-assume" in step.get("with", {})
    }
    plans, executes = "${{ vars.PLAN_ROLE_ARN }}", "${{ vars.EXECUTE_ROLE_ARN }}"
    assert roles == {"review": plans, "plan": plans, "execute": executes}
    assert {job: body["environment"] for job, body in jobs.items() if "environment" in body} == {
        "plan": "plan",
        "execute": "deploy",
    }
    for name in (*jobs, "environment:plan", "environment:deploy", "PLAN_ROLE_ARN", "EXECUTE_ROLE_ARN"):
        assert name in PAGE


def test_nothing_says_that_it_can_be_installed_by_name() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "builder").rglob("files/*")]:
        assert not re.search(r"pip install [^\n]*two-region-dr(?!_)", page.read_text()), page
