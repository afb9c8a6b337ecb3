"""Every mutating call is applied and its answer lost, once, in turn: nothing fails and nothing happens twice."""

from collections.abc import Callable
from itertools import count

import pytest

from builder.aws import Clients
from deploy.rig import ACCOUNT
from fake_aws import Fault, World
from proof.command import LIFE, assert_done, fill, make_world, run, undisturbed
from proof.picture import take_picture, tell_history
from samples import sampled

WAYS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "repeated at once": (Fault.LOSE_ANSWER, ()),
    "repeated at once, and honoured": (
        Fault.LOSE_ANSWER,
        ("repeated_client_token_is_honoured", "repeated_request_token_is_honoured"),
    ),
    "repeated at once, and known by its token": (Fault.LOSE_ANSWER, ("repeated_execution_names_the_token",)),
    "repeated after a minute": (Fault.READ_TIMEOUT, ()),
}
"""How the answer is lost, and which of AWS's possible ways the repetition is answered in."""


@pytest.mark.parametrize("way", sampled(WAYS, every=4))
def test_a_lost_answer_fails_nothing_and_doubles_nothing(
    way: str, record_property: Callable[[str, object], None]
) -> None:
    expected = undisturbed()
    world = make_world()
    clients = Clients(world.session(ACCOUNT))
    fault, quirks = WAYS[way]
    for quirk in quirks:
        setattr(world.quirks, quirk, True)
    lost = dict.fromkeys(LIFE, 0)
    # One life after the other, until no command makes so many mutating calls any more.
    for k in count(1):
        before = sum(lost.values())
        for verb, command in LIFE.items():
            rule = world.faults.add(fault, mutating=True, nth=k)
            assert_done(run(clients, command))
            world.faults.remove(rule)
            lost[verb] += rule.struck
            assert take_picture(world) == expected[verb].picture, f"{verb} without answer {k}"
            assert tell_history(world) == expected[verb].history, f"{verb} without answer {k}"
            fill(world)
        forget(world)
        if sum(lost.values()) == before:
            break
    record_property("lost", lost)
    assert min(lost.values()) >= 4


def forget(world: World) -> None:
    """Let deleted stacks be as if they had never been."""
    for place in world._regions.values():
        place.cloudformation.stacks.clear()
