from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from answer import Command
from builder.cli.command import CommandLine, global_options, pass_session
from builder.cli.options import Options, make_plan_request
from builder.cli.session import Session
from builder.terms import Region
from cli.test_project import opened


def given(*arguments: str) -> Options:
    options: list[Options] = []

    @click.group()
    @global_options
    @click.pass_context
    def group(context: click.Context) -> None:
        context.ensure_object(CommandLine)

    @group.command()
    @global_options
    @pass_session
    def verb(session: Session) -> None:
        options.append(session.options)

    assert CliRunner().invoke(group, [*arguments]).exit_code == 0
    return options[0]


def test_what_is_said_later_wins_and_what_is_not_said_does_not() -> None:
    assert given("--env", "a", "verb", "--env", "b").env == "b"
    assert given("--env", "a", "verb").env == "a"
    assert given("verb").env is None
    assert given("--json", "verb").json_events
    assert not given("verb", "--profile", "p").json_events


def test_what_can_be_said_more_than_once_adds_up() -> None:
    options = given("--skip-region", "us-east-1", "verb", "--skip-region", "us-west-2", "--skip-region", "eu-west-1")
    assert options.skip_regions == ("us-east-1", "us-west-2", "eu-west-1")
    assert given("--account-role", "a=b", "verb", "--account-role", "c=d").account_roles == ("a=b", "c=d")


OPTIONS = {
    "role_arn": None,
    "deployment_mode": "STANDARD",
    "import_existing": False,
    "artifacts_bucket": None,
    "remove_orphans": False,
}
ROLE = "arn:aws:iam::111122223333:role/cfn-exec"


def test_the_option_s_role_wins_over_the_environment_s(project: Path) -> None:
    with (project / "dr.yaml").open("a") as config:
        config.write(f'\nenvironments:\n  prod: {{role_arn: "{ROLE}"}}\n')
    role_arn = opened(env="prod").role_arn
    assert make_plan_request("plan", OPTIONS, role_arn).options.role_arn == ROLE
    assert make_plan_request("plan", {**OPTIONS, "role_arn": f"{ROLE}-2"}, role_arn).options.role_arn == f"{ROLE}-2"
    assert make_plan_request("plan", OPTIONS, None).options.role_arn is None


def test_everything_that_is_said_reaches_the_plan(project: Path) -> None:
    typed = {
        **OPTIONS,
        "deployment_mode": "EXPRESS",
        "import_existing": True,
        "artifacts_bucket": "artifacts",
        "remove_orphans": True,
    }
    planned = make_plan_request("deploy", typed, None)
    options = planned.options
    assert (options.by, options.deployment_mode, options.import_existing) == ("deploy", "EXPRESS", True)
    assert (options.artifacts_bucket, planned.remove_orphans) == ("artifacts", True)


@pytest.mark.usefixtures("linter")
def test_templates_in_between_are_linted_where_cfn_lint_is(project: Path) -> None:
    lint = make_plan_request("plan", OPTIONS, None).lint
    assert lint is not None
    bad = "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {Nonsense: 1}}\n"
    assert any("Nonsense" in line for line in lint(bad, Region("us-east-1")))
    assert lint("Resources:\n  Topic: {Type: AWS::SNS::Topic}\n", Region("us-east-1")) == ()


@pytest.mark.parametrize("verb", ["plan", "deploy"])
def test_both_verbs_take_the_same_options(builder: Command, project: Path, verb: str) -> None:
    help_text = builder(verb, "--help").out
    for option in ("--remove-orphans", "--artifacts-bucket", "--deployment-mode", "--import-existing", "--role-arn"):
        assert option in help_text
    assert builder(verb, "--deployment-mode", "HASTY").code == 2


@pytest.mark.parametrize("command", [("execute", "plan.json"), ("fleet", "execute", "fleet-plan.json")])
def test_who_executes_can_say_all_of_them(builder: Command, project: Path, command: tuple[str, ...]) -> None:
    help_text = builder(*command, "--help").out
    for option in ("--artifacts-bucket", "--deployment-mode", "--import-existing", "--role-arn"):
        assert option in help_text
    assert "--remove-orphans" not in help_text
