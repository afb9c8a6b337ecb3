import json

from cli.fleet_rig import FleetCommand
from fleet.scene import ADMIN, WEST


def test_all_of_it_goes_and_then_there_is_nothing(standing: FleetCommand) -> None:
    refused = standing("destroy")
    assert refused.code == 4
    assert "us-west-2/storage  tap-dev-us-west-2-storage" in refused.out
    answer = standing("destroy", "--yes")
    assert answer.code == 0, answer
    assert standing.world.buckets == {}
    assert "nothing of tap-fleet-dev stands in any region" in standing("destroy", "--yes").out


def test_a_pattern_says_how_many_it_lets_pass_before_anything_goes(standing: FleetCommand) -> None:
    client = standing.world.session(ADMIN).client("cloudformation", WEST)
    client.update_termination_protection(StackName="tap-dev-fleet", EnableTerminationProtection=True)
    assert standing("destroy", "--yes").code == 4
    answer = standing("destroy", "--yes", "--json", "--allow", "us-west-2/*/Termination*")
    assert answer.code == 0, answer
    first = json.loads(answer.out.splitlines()[0])
    assert (first["event"], first["allow"], first["passes"], first["names"]) == (
        "guard.allowed",
        "us-west-2/*/Termination*",
        1,
        ["us-west-2/fleet/TerminationProtection"],
    )
