"""The command that goes on where another ended: whole, so that it is copied from the screen and typed."""

import re
import shlex
from pathlib import Path

import click
import pytest

from builder.cli import deploy, destroy, plan, promote
from builder.cli.again import _OF_VERB, command_again
from builder.cli.options import Options
from cli.on_fake import OnWorld, render
from fleet.rig import REPLACED
from fleet.stack_sets import ACCOUNTS, WEST

NOT_AGAIN = {"yes", "yes_in_production", "recover", "full"}
"""What is asked again, done by then, or only shows more."""
GLOBAL = ("--assembly", "a folder", "--env", "dev")


@pytest.mark.parametrize("verb", sorted(_OF_VERB))
def test_every_option_of_a_verb_is_typed_again_or_known_not_to_be(verb: str) -> None:
    every = {**plan.COMMANDS, **deploy.COMMANDS, **destroy.COMMANDS, **promote.COMMANDS}
    commands = [command for name, command in every.items() if name in {verb, f"fleet {verb}"}]
    assert commands
    options = [option for command in commands for option in command.params if isinstance(option, click.Option)]
    own = {str(option.name): option.opts[0] for option in options if option.expose_value}
    assert set(own) - NOT_AGAIN <= set(_OF_VERB[verb]), verb
    for name in set(own) & set(_OF_VERB[verb]):
        typed = {name: True} if own[name] in {"--retain", "--stop"} else {name: "x y"}
        assert command_again(Options(), verb, typed).split()[4] == own[name]


def test_what_was_not_typed_is_not_typed_again() -> None:
    typed = {"deployment_mode": "STANDARD", "import_existing": False, "role_arn": None, "allow": ()}
    assert command_again(Options(), "execute", typed, Path("plan.json")) == "python -m builder execute plan.json"
    assert command_again(Options(), "fleet stop", {}) == "python -m builder fleet stop"


def test_all_that_leads_to_the_same_deployment_is_and_the_answers_are_not() -> None:
    options = Options(
        config=Path("other.yaml"),
        env="qa",
        profile="work",
        skip_regions=("us-east-1", "eu-west-1"),
        account_roles=("444455556666=arn:aws:iam::444455556666:role/deployer",),
    )
    typed = {"allow": ("us-east-1/table/*",), "artifacts_bucket": "a b", "import_existing": True, "yes": True}
    assert command_again(options, "deploy", typed) == (
        "python -m builder deploy --artifacts-bucket 'a b' --import-existing --allow 'us-east-1/table/*' "
        "--config other.yaml --env qa --profile work --skip-region us-east-1 --skip-region eu-west-1 "
        "--account-role 444455556666=arn:aws:iam::444455556666:role/deployer"
    )


def test_a_removal_names_retained_data_but_asks_again_for_the_rest() -> None:
    typed = {"regions": ("eu-west-1", "eu-west-2"), "delete_retained": ("", "bucket"), "unprotect": True, "yes": True}
    assert command_again(Options(project="tap", env="dev"), "destroy", typed) == (
        "python -m builder destroy --region eu-west-1 --region eu-west-2 --unprotect --delete-retained bucket "
        "--project tap --env dev"
    )


def _next(err: str) -> list[str]:
    """Return the command that was shown last, as a shell takes it apart."""
    command = re.findall(r"^next:  python -m builder (.*?)(?:    .*)?$", err, re.MULTILINE)[-1]
    return shlex.split(command)


@pytest.fixture
def broken_off(on_deployed_fleet: OnWorld) -> OnWorld:
    """A fleet with an assembly in a folder whose name has to be quoted, of which an update fails in one account."""
    Path("templates").rename("a folder")
    render(Path("a folder"), REPLACED.replace("DisplayName: one", "DisplayName: two"))
    on_deployed_fleet.before = ()
    on_deployed_fleet.world.script.fails("UPDATE", "Topic", reason="limit reached", account=ACCOUNTS[1], region=WEST)
    return on_deployed_fleet


ALLOW = ("--allow", "us-west-2/storage/*")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["deploy", "execute"])
def test_a_fleet_goes_on_by_a_deploy_of_its_own_with_all_that_was_typed(broken_off: OnWorld, verb: str) -> None:
    if verb == "execute":
        planned = broken_off("fleet", "plan", *GLOBAL)
        assert "next: python -m builder fleet execute fleet-plan.json --assembly 'a folder' --env dev\n" in planned.out
        failed = broken_off("fleet", "execute", "fleet-plan.json", *ALLOW, *GLOBAL)
    else:
        failed = broken_off("fleet", "deploy", "--yes", *ALLOW, *GLOBAL)
    assert failed.code == 1, failed
    again = _next(failed.err)
    assert again == ["fleet", "deploy", *ALLOW, *GLOBAL]
    answer = broken_off(*again, "--yes")
    assert answer.code == 0, answer


def test_a_system_goes_on_with_its_plan_or_by_planning_anew(command: OnWorld, project: Path) -> None:
    command.world.script.fails("CREATE", "Bucket", reason="limit reached", times=None)
    env = ("--env", "qa")
    planned = command("plan", *env, "-o", "my plan.json")
    assert "next: python -m builder execute 'my plan.json' --env qa\n" in planned.out
    executed = command("execute", "my plan.json", *env)
    assert executed.code == 1
    deployed = command("deploy", "--yes", *env)
    assert deployed.code == 1
    assert "next:  python -m builder execute 'my plan.json' --env qa    goes on with what is left\n" in executed.err
    assert "next:  python -m builder deploy --env qa    plans anew from what stands now\n" in deployed.err
