from cli.fleet_rig import FleetCommand


def test_several_filters_come_together(standing: FleetCommand) -> None:
    assert (
        "2 of 2 stacks"
        in standing("status", "--region", "us-east-1", "--account", "444455556666", "--region", "us-west-2").out
    )
