from pathlib import Path

from cli.fleet_rig import FleetCommand, render
from fleet.rig import CHANGED
from fleet.scene import ACCOUNTS, WEST


def test_progress_is_told_by_set_and_the_end_by_all(fleet: FleetCommand) -> None:
    answer = fleet("deploy", "--yes")
    assert answer.code == 0, answer
    assert "us-west-2/storage        3/3: CREATE SUCCEEDED" in answer.out
    assert answer.out.endswith("2 sets done, 0 failed (0 stacks), 0 not started\n1 done, 0 failed, 0 not started\n")


def test_a_second_deploy_changes_nothing(standing: FleetCommand) -> None:
    answer = standing("deploy", "--yes")
    assert answer.code == 0
    assert "No stack in any account changes" in answer.out


def test_one_account_that_fails_is_named_with_its_reason_and_a_second_run_repairs_only_it(
    standing: FleetCommand,
) -> None:
    render(Path("templates"), CHANGED)
    standing.world.script.fails("UPDATE", "Topic", reason="limit reached", account=ACCOUNTS[1], region=WEST)
    failed = standing("deploy", "--yes")
    assert failed.code == 1
    assert f"{ACCOUNTS[1]} us-west-2: " in failed.out
    assert "limit reached" in failed.out
    assert "next:  python -m builder fleet deploy" in failed.err
    again = standing("deploy", "--yes")
    assert again.code == 0, again
    assert f"does again what failed in {ACCOUNTS[1]} in us-west-2" in again.out


def test_without_a_terminal_nobody_is_asked_and_the_change_sets_go_again(fleet: FleetCommand) -> None:
    answer = fleet("deploy")
    assert answer.code == 4
    assert "--yes answers it" in answer.err
    fleet.world.settle()
    assert "nothing of tap-fleet-dev stands" in fleet("destroy").out
