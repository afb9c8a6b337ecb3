from cli.fleet_rig import FleetCommand


def test_where_nothing_runs_it_says_so(standing: FleetCommand) -> None:
    answer = standing("stop")
    assert answer.code == 0
    assert answer.err == "no operation runs on the fleet's sets\n"
