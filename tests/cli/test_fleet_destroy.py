from cli.fleet_rig import FleetCommand


def test_all_of_it_goes_and_then_there_is_nothing(standing: FleetCommand) -> None:
    refused = standing("destroy")
    assert refused.code == 4
    assert "us-west-2/storage  tap-dev-us-west-2-storage" in refused.out
    answer = standing("destroy", "--yes")
    assert answer.code == 0, answer
    assert standing.world.buckets == {}
    assert "nothing of tap-fleet-dev stands in any region" in standing("destroy", "--yes").out
