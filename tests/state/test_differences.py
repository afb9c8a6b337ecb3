import pytest

from builder.errors import AwsError
from builder.policy import Verb
from builder.policy.rights import CALLS
from builder.state import find_differences
from builder.state.differences import observe_stacks
from builder.terms import Site
from deploy.rig import Rig
from fake_aws import Fault
from state.rig import EAST, WEST, StateRig


def test_a_fresh_deployment_has_none_and_takes_exactly_the_calls_that_its_policy_names(deployed: StateRig) -> None:
    differences = deployed.run(find_differences(deployed.deployment, deployed.clients))
    assert ({stack.status for stack in differences.stacks}, len(differences.stacks)) == ({"IN_SYNC"}, 5)
    assert (differences.disparities, differences.silent) == ((), ())
    listed = {(call.service, call.operation) for call in CALLS[Verb.DRIFT]}
    # The code itself is looked into where the archives differ: test_code.
    assert deployed.called | {("sts", "AssumeRole"), ("lambda", "GetFunction")} == listed


def test_a_region_that_is_busy_is_asked_again_and_one_where_nobody_listens_is_given_up() -> None:
    rig = Rig()
    rig.have_deployed()
    busy = [rig.world.faults.add(Fault.THROTTLE, operation="DescribeStacks", region=WEST, nth=1) for _ in range(3)]
    nobody = rig.world.faults.add(Fault.HANG, service="cloudformation", region=EAST)
    hurried = rig.clients.hurried()
    stacks = rig.run(lambda: observe_stacks(rig.clients, hurried, Site(None, WEST)))
    assert {stack.region for stack in stacks} == {WEST}
    assert [rule.struck for rule in busy] == [1, 1, 1]
    with pytest.raises(AwsError, match="us-east-1: AWS does not answer"):
        rig.run(lambda: observe_stacks(rig.clients, hurried, Site(None, EAST)))
    assert nobody.struck == 2
