from cli.fleet_rig import FleetCommand


def test_how_it_ended_is_told_in_words_and_by_the_code(fleet: FleetCommand) -> None:
    fleet.world.script.fails("CREATE", "Topic", reason="limit reached", region="us-east-1", times=None)
    answer = fleet("deploy", "--yes")
    assert answer.code == 1
    assert "us-east-1/storage: 3 stacks failed" in answer.out
