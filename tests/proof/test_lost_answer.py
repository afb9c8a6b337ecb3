"""Every mutating call is applied and its answer lost, once, in turn: nothing fails and nothing happens twice."""

from collections.abc import Callable
from itertools import count

import pytest

from builder.aws import Clients
from deploy.rig import ACCOUNT
from fake_aws import Fault
from proof.command import LIFE, assert_done, fill, make_world, run, undisturbed
from proof.picture import take_picture, tell_history

ANSWERS: dict[str, tuple[Fault, tuple[str, ...]]] = {
    "repeated at once": (Fault.LOSE_ANSWER, ()),
    "repeated at once, and honoured": (
        Fault.LOSE_ANSWER,
        ("repeated_client_token_is_honoured", "repeated_request_token_is_honoured"),
    ),
    "repeated at once, and known by its token": (Fault.LOSE_ANSWER, ("repeated_execution_names_the_token",)),
    "repeated after a minute": (Fault.READ_TIMEOUT, ()),
}
"""How the answer is lost, and which of AWS's possible ways the repetition is answered in."""


@pytest.mark.parametrize("how", ANSWERS)
def test_a_lost_answer_fails_nothing_and_doubles_nothing(
    how: str, record_property: Callable[[str, object], None]
) -> None:
    lost = dict.fromkeys(LIFE, 0)
    for k in count(1):
        struck = live_without_answer(k, *ANSWERS[how])
        if not struck:
            break
        for verb in struck:
            lost[verb] += 1
    record_property("lost", lost)
    assert min(lost.values()) >= 4


def live_without_answer(k: int, fault: Fault, quirks: tuple[str, ...]) -> list[str]:
    """Live through it all, each command without the answer to its k-th mutation; return those that have so many."""
    wanted = undisturbed()
    world, struck = make_world(), []
    for quirk in quirks:
        setattr(world.quirks, quirk, True)
    clients = Clients(world.session(ACCOUNT))
    for verb, command in LIFE.items():
        rule = world.faults.add(fault, mutating=True, nth=k)
        assert_done(run(clients, command))
        world.faults.remove(rule)
        if rule.struck:
            struck.append(verb)
        where = f"{verb} without the answer to mutation {k}"
        assert take_picture(world) == wanted[verb].picture, where
        assert tell_history(world) == wanted[verb].history, where
        fill(world)
    return struck
