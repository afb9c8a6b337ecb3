from dataclasses import replace

from builder.deploy.plan.guards import guard_hits
from builder.deploy.records import ResourceChange
from builder.resource_types import STACK_SET
from builder.resource_types.facts import holds_data
from builder.terms import LogicalId
from deploy.rig import Rig


def test_a_set_that_goes_takes_its_stacks_along(rig: Rig) -> None:
    gone = ResourceChange(action="Remove", logical_id=LogicalId("UsWest2Storage"), type=STACK_SET)
    (hit,) = guard_hits([replace(rig.plan().steps[0], changes=(gone,))])
    assert "its stack in every account and region" in hit.why
    assert holds_data(STACK_SET)
