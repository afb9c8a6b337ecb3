from state.rig import EAST, WEST, StateRig


def test_a_look_at_another_region_is_by_the_same_one_and_for_as_long(deployed: StateRig) -> None:
    look = deployed.look(EAST, endpoint="http://127.0.0.1:1")
    there = look.at(WEST)
    assert (there.region, there.clients, there.now, there.endpoint) == (WEST, look.clients, look.now, look.endpoint)
