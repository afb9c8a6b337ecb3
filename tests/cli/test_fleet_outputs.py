import json

from cli.fleet_rig import FleetCommand
from fleet.scene import ACCOUNTS

A = ACCOUNTS[0]


def test_outputs_are_shown_for_people_machines_and_spreadsheets(standing: FleetCommand) -> None:
    line = f"{A} us-west-2 us-west-2/storage  Name = tap-dev-{A}-one\n"
    only = ("--account", A, "--stack", "us-west-2/storage")
    assert standing("outputs", *only).out == line
    (one,) = json.loads(standing("outputs", *only, "--json").out)
    assert one["outputs"] == {"Name": f"tap-dev-{A}-one"}
    assert (
        standing("outputs", *only, "--csv").out.splitlines()[1]
        == f"{A},us-west-2,us-west-2/storage,Name,tap-dev-{A}-one"
    )


def test_an_account_that_does_not_answer_ends_in_1(standing: FleetCommand) -> None:
    standing.world.forbidden_roles.add(f"arn:aws:iam::{A}:role/reader")
    answer = standing("outputs", "--role", "reader", "--json")
    assert answer.code == 1
    assert len(json.loads(answer.out)) == 4
    assert f"{A} us-west-2: us-west-2/storage: " in answer.err
