import click
from click.testing import CliRunner

from builder.cli.options import global_options
from builder.cli.wiring import Wiring


def given(*arguments: str) -> Wiring:
    found: list[Wiring] = []

    @click.group()
    @global_options
    @click.pass_context
    def group(context: click.Context) -> None:
        context.ensure_object(Wiring)

    @group.command()
    @global_options
    @click.pass_obj
    def verb(wiring: Wiring) -> None:
        found.append(wiring)

    assert CliRunner().invoke(group, [*arguments]).exit_code == 0
    return found[0]


def test_what_is_said_later_wins_and_what_is_not_said_does_not() -> None:
    assert given("--env", "a", "verb", "--env", "b").env == "b"
    assert given("--env", "a", "verb").env == "a"
    assert given("verb").env is None
    assert given("--json", "verb").json_events
    assert not given("verb", "--profile", "p").json_events


def test_what_can_be_said_more_than_once_adds_up() -> None:
    said = given("--skip-region", "us-east-1", "verb", "--skip-region", "us-west-2", "--skip-region", "eu-west-1")
    assert said.skip_regions == ("us-east-1", "us-west-2", "eu-west-1")
    assert given("--account-role", "a=b", "verb", "--account-role", "c=d").account_roles == ("a=b", "c=d")
