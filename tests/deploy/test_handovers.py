"""Data that changes hands: a promotion, and data that was there before, planned and executed on the fake."""

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Deployment
from builder.deploy import make_deployment as bind
from builder.errors import Stopped
from builder.terms import Region
from deploy.rig import Rig
from wanted import make_wanted

EAST, WEST = Region("us-east-1"), Region("us-west-2")


def swapped() -> Deployment:
    """The shipped system with its regions swapped, everything named by where it was born."""
    assembly = make_assembly(make_wanted(regions={"primary": WEST, "secondaries": [EAST], "born": EAST}))
    return bind(assembly.manifest, assembly.templates, "dev")


def test_a_swap_is_refused_with_the_words_that_say_what_to_do(standing: Rig) -> None:
    with pytest.raises(Stopped, match="us-east-1/tap-dev-table's") as caught:
        standing.plan(swapped())
    assert "builder promote us-west-2" in caught.value.next_step
    assert standing.operations("CreateChangeSet") == 0
