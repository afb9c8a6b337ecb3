import pytest

from cli.fleet_rig import FleetCommand, write_config
from fake_aws import Fault
from fleet.scene import ACCOUNTS, ADMIN

VERBS = (("status",), ("outputs",), ("stop",), ("destroy", "--yes"))
FLEET = "fleet: {permission_model: self-managed, administration_account: '%s', admin_region: %s, accounts: ['%s']}"
EVERY_VERB = pytest.mark.parametrize("verb", VERBS, ids=[verb[0] for verb in VERBS])


def test_several_filters_come_together(standing: FleetCommand) -> None:
    assert (
        "2 of 2 stacks"
        in standing("status", "--region", "us-east-1", "--account", "444455556666", "--region", "us-west-2").out
    )


@pytest.fixture
def rewritten(standing: FleetCommand) -> FleetCommand:
    """The command line without --assembly, beside a dr.yaml that says no `fleet:` any more and was not rendered."""
    write_config()
    standing.assembly = None
    return standing


def find_all(fleet: FleetCommand, *more: str) -> None:
    """Hold that every verb finds what stands, and what is left after the last."""
    assert fleet("status", *more).out.startswith("6 of 6 stacks in 3 accounts")
    assert len(fleet("outputs", *more).out.splitlines()) == 6
    assert fleet("stop", *more).err.endswith("no operation runs on the fleet's sets\n")
    answer = fleet("destroy", "--yes", *more)
    assert answer.code == 0, answer
    assert fleet.world.buckets == {}
    for verb in ("stop", "destroy"):
        assert fleet(verb, *more).out == "nothing of tap-fleet-dev stands in any region\n"


def test_a_fleet_stands_whatever_was_rendered_since_or_was_not(rewritten: FleetCommand) -> None:
    find_all(rewritten)


def test_a_fleet_stands_where_dr_yaml_has_had_it(standing: FleetCommand) -> None:
    write_config(FLEET % (ADMIN, "eu-west-1", ACCOUNTS[0]))
    standing.assembly = None
    find_all(standing)


def test_the_project_s_name_is_enough(standing: FleetCommand) -> None:
    standing.assembly = None
    find_all(standing, "--project", "tap")


def test_a_region_that_does_not_answer_is_told_and_hides_nothing_of_the_others(rewritten: FleetCommand) -> None:
    rewritten.world.faults.add(Fault.HANG, region="eu-west-1")
    answer = rewritten("status")
    assert answer.code == 0
    assert answer.err.startswith("not looked at: eu-west-1: ")
    assert answer.out.startswith("6 of 6 stacks")


def test_where_no_region_answers_nobody_says_that_nothing_stands(standing: FleetCommand) -> None:
    standing.assembly = None
    standing.world.faults.add(Fault.EXPIRED)
    answer = standing("destroy", "--yes", "--project", "tap")
    assert answer.code == 1
    assert "tap-fleet-dev: no region could be looked at" in answer.err


@EVERY_VERB
def test_another_account_s_credentials_are_refused_before_anything_is_looked_at(
    standing: FleetCommand, verb: tuple[str, ...]
) -> None:
    write_config(FLEET % ("999988887777", "us-west-2", ACCOUNTS[0]))
    standing.assembly = None
    standing.world.calls.clear()
    answer = standing(*verb)
    assert answer.code == 2
    assert f"tap-fleet-dev: belongs in account 999988887777, and the credentials are of account {ADMIN}" in answer.err
    assert {call.operation for call in standing.world.calls} == {"GetCallerIdentity"}


@EVERY_VERB
def test_no_region_can_be_left_out(standing: FleetCommand, verb: tuple[str, ...]) -> None:
    answer = standing(*verb, "--skip-region", "us-east-1")
    assert answer.code == 2
    assert "none can be left out" in answer.err
