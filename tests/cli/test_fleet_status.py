import csv
import io
import json

from cli.fleet_rig import FleetCommand
from fleet.scene import ACCOUNTS, WEST


def test_all_is_summed_up_and_every_row_is_there_for_machines(standing: FleetCommand) -> None:
    assert standing("status").out.startswith("6 of 6 stacks in 3 accounts are as they should be")
    rows = json.loads(standing("status", "--json", "--account", ACCOUNTS[0]).out)
    assert {(row["account"], row["region"]) for row in rows} == {(ACCOUNTS[0], "us-west-2"), (ACCOUNTS[0], "us-east-1")}
    assert len(list(csv.DictReader(io.StringIO(standing("status", "--csv").out)))) == 6
    assert standing("status", "--failed").out == "no stack of the fleet stands there\n"


def test_what_failed_is_shown_with_its_reason_and_an_exit_code_of_its_own(fleet: FleetCommand) -> None:
    fleet.world.script.fails("CREATE", "Topic", reason="limit reached", account=ACCOUNTS[1], region=WEST)
    fleet("deploy", "--yes")
    answer = fleet("status")
    assert answer.code == 3
    assert f"{ACCOUNTS[1]} us-west-2 us-west-2/storage  OUTDATED" in answer.out
    assert "limit reached" in answer.out
