from state.rig import EAST, WEST, StateRig


def test_a_look_at_another_region_is_by_the_same_one_and_for_as_long(deployed: StateRig) -> None:
    context = deployed.context(EAST, endpoint="http://127.0.0.1:1")
    there = context.at(WEST)
    assert (there.region, there.clients, there.now, there.endpoint) == (
        WEST,
        context.clients,
        context.now,
        context.endpoint,
    )
