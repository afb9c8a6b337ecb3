from dataclasses import replace

from builder.deploy.desired import narrow
from builder.deploy.observe.deployment import observe_tagged
from builder.terms import Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.plan.test_guards import BESIDE, GLOBAL_TABLE
from deploy.rig import Rig

TAGS = {"builder:deployment": "tap-dev"}
STACK = StackId("us-east-1/data")


def test_a_region_that_only_a_deployed_table_names_is_looked_at(rig: Rig) -> None:
    rig.deploy(make_deployment(make_stack(STACK, BESIDE + GLOBAL_TABLE)))
    rig.world.stack("tap-dev-old", region="us-west-2").deploy(tags=TAGS)
    plan = rig.plan(make_deployment(make_stack(STACK, BESIDE + GLOBAL_TABLE)))
    assert [orphan.stack for orphan in plan.orphans] == ["us-west-2/tap-dev-old"]


def test_a_region_of_the_system_that_every_stack_has_left_is_looked_at(rig: Rig) -> None:
    rig.world.stack("tap-dev-old", region="us-west-2").deploy(tags=TAGS)
    left = replace(make_deployment(make_stack(STACK, BESIDE)), empty_regions=(Region("us-west-2"),))
    assert [orphan.stack for orphan in rig.plan(left).orphans] == ["us-west-2/tap-dev-old"]
    assert not rig.plan(narrow(left, [Region("us-west-2")])).orphans
    assert not rig.plan(make_deployment(make_stack(STACK, BESIDE))).orphans


def test_a_first_deployment_asks_its_own_regions_only(rig: Rig) -> None:
    rig.plan(make_deployment(make_stack(STACK, BESIDE + GLOBAL_TABLE)))
    assert {call.region for call in rig.world.calls} == {"us-east-1"}


def test_only_the_deployment_s_own_stacks_count(rig: Rig) -> None:
    rig.world.stack("tap-dev-old", region="us-west-2").deploy(tags=TAGS)
    rig.world.stack("bystander", region="us-west-2").deploy()
    stacks = rig.run(lambda: observe_tagged("tap-dev", (Region("eu-west-1"), Region("us-west-2")), rig.clients))
    assert [stack.name for stack in stacks] == ["tap-dev-old"]
