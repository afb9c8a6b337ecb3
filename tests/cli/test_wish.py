from pathlib import Path

import pytest

from answer import Command
from builder.cli.wiring import Wiring
from builder.cli.wish import make_wish, said_again
from builder.terms import Region

SAID = {
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
    wiring = Wiring(env="prod", environment={})
    assert make_wish("plan", SAID, wiring.role_arn).options.role_arn == ROLE
    assert make_wish("plan", {**SAID, "role_arn": f"{ROLE}-2"}, wiring.role_arn).options.role_arn == f"{ROLE}-2"
    assert make_wish("plan", SAID, None).options.role_arn is None


def test_everything_that_is_said_reaches_the_plan(project: Path) -> None:
    said = {
        **SAID,
        "deployment_mode": "EXPRESS",
        "import_existing": True,
        "artifacts_bucket": "artifacts",
        "remove_orphans": True,
    }
    wish = make_wish("deploy", said, None)
    options = wish.options
    assert (options.by, options.deployment_mode, options.import_existing) == ("deploy", "EXPRESS", True)
    assert (options.artifacts_bucket, wish.remove_orphans) == ("artifacts", True)


def test_templates_in_between_are_linted_where_cfn_lint_is(project: Path) -> None:
    lint = make_wish("plan", SAID, None).lint
    assert lint is not None
    bad = "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {Nonsense: 1}}\n"
    assert any("Nonsense" in line for line in lint(bad, Region("us-east-1")))
    assert lint("Resources:\n  Topic: {Type: AWS::SNS::Topic}\n", Region("us-east-1")) == ()


@pytest.mark.parametrize("verb", ["plan", "deploy"])
def test_both_verbs_take_the_same_wishes(builder: Command, project: Path, verb: str) -> None:
    told = builder(verb, "--help").out
    for option in ("--remove-orphans", "--artifacts-bucket", "--deployment-mode", "--import-existing", "--role-arn"):
        assert option in told
    assert builder(verb, "--deployment-mode", "HASTY").code == 2


def test_plan_names_the_options_that_execute_has_to_be_told_again() -> None:
    assert said_again(SAID) == ""
    said = {**SAID, "role_arn": ROLE, "deployment_mode": "EXPRESS", "import_existing": True, "artifacts_bucket": "a b"}
    assert said_again(said) == (
        f" --role-arn {ROLE} --deployment-mode EXPRESS --artifacts-bucket 'a b' --import-existing"
    )


@pytest.mark.parametrize("command", [("execute", "plan.json"), ("fleet", "execute", "fleet-plan.json")])
def test_who_executes_can_say_all_of_them(builder: Command, project: Path, command: tuple[str, ...]) -> None:
    told = builder(*command, "--help").out
    for option in ("--artifacts-bucket", "--deployment-mode", "--import-existing", "--role-arn"):
        assert option in told
    assert "--remove-orphans" not in told
