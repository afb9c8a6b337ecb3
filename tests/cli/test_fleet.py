import pytest

from answer import Command
from builder.cli.fleet import fleet


@pytest.mark.parametrize("verb", fleet.commands)
def test_every_verb_of_a_fleet_explains_itself(builder: Command, verb: str) -> None:
    answer = builder("fleet", verb, "--help")
    assert answer.code == 0
    assert (fleet.commands[verb].help or "").split()[0] in answer.out
