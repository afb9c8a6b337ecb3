from dataclasses import replace

from builder.fleet.records import Targets
from builder.fleet.targets import SetContext
from fleet.stack_sets import EAST, WEST
from fleet.test_reach import DEFINITION


def test_stacks_are_compared_as_in_the_first_region_that_the_set_goes_to() -> None:
    both = replace(DEFINITION, targets=(Targets(), Targets(regions=(WEST, EAST))))
    assert SetContext(definition=both).region == WEST
    assert SetContext(definition=replace(DEFINITION, targets=())).region == ""
