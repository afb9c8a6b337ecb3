import asyncio
import json
from dataclasses import replace

import pytest

from builder.assembly.components import Component, Table
from builder.aws import Clients
from builder.report.state import status_text
from builder.state import ObserveOptions, SiteState, Status
from builder.state.observe import WITHIN_S, copied_tables, observe_site
from builder.template import OPEN_POLICY
from builder.terms import Region, Site, StackId, StackName
from deploy.chained import KEY_TEMPLATE, KEYS, make_deployment, make_stack
from deploy.legacy import BODIES, deploy_legacy, legacy_deployment
from deploy.rig import ACCOUNT, Rig, changed, edited, shipped
from fake_aws import Fault, World
from state.rig import EAST, NOW, WEST, StateRig


def observe(deployed: StateRig, region: Region, clients: Clients | None = None) -> SiteState:
    endpoint = deployed.clients.s3(EAST).meta.endpoint_url
    asking = ObserveOptions(clients=clients or deployed.clients, now=NOW, endpoint=endpoint)
    return deployed.run(observe_site(deployed.deployment, Site(None, region), asking))


def test_a_region_that_is_down_is_told_within_the_deadline_and_raises_nothing() -> None:
    rig = Rig()
    rig.have_deployed()
    rig.world.region_down(EAST)
    took: list[float] = []

    async def timed() -> SiteState:
        loop = asyncio.get_running_loop()
        began = loop.time()
        asking = ObserveOptions(clients=rig.clients.hurried(), now=NOW)
        seen = await observe_site(rig.deployment, Site(None, EAST), asking)
        took.append(loop.time() - began)
        return seen

    seen = rig.run(timed)
    assert seen.stacks == ()
    assert len(seen.silent) == 1
    assert took[0] <= WITHIN_S


def test_without_hurry_the_deadline_ends_the_wait() -> None:
    rig = Rig(World())
    rig.world.faults.add(Fault.HANG, region=EAST)
    asking = ObserveOptions(clients=rig.clients, now=NOW)
    seen = rig.run(lambda: observe_site(rig.deployment, Site(None, EAST), asking))
    assert seen.silent == (f"us-east-1: no answer within {WITHIN_S} s",)


def test_one_thing_that_is_not_there_hides_nothing_else(deployed: StateRig) -> None:
    deployed.clients.dynamodb(WEST).delete_table(TableName="tap-dev-global")
    seen = observe(deployed, WEST)
    (replica,) = seen.replicas
    assert (replica.table, replica.status) == ("tap-dev-global", "ABSENT")
    assert (seen.silent, seen.refused, len(seen.stacks)) == ((), (), 2)
    assert seen.functions[0].state == "Active"


def test_a_template_that_is_not_the_local_one_an_orphan_and_an_absent_stack_are_told_apart(deployed: StateRig) -> None:
    deployment = edited(deployed.deployment, "us-west-2/service", "MemorySize: 256", "MemorySize: 512")
    deployment = changed(deployment, "us-west-2/storage", name=StackName("tap-dev-elsewhere"))
    seen = observe(replace(deployed, deployment=deployment), WEST)
    assert {stack.name: (stack.status, stack.template) for stack in seen.stacks} == {
        "tap-dev-service": ("CREATE_COMPLETE", "different"),
        "tap-dev-storage": ("CREATE_COMPLETE", "orphan"),
        "tap-dev-elsewhere": ("ABSENT", ""),
    }


def test_a_stack_policy_that_is_not_the_assembly_s_is_told_and_asked_for_only_where_there_is_one() -> None:
    rig = Rig(World(), make_deployment(replace(make_stack(KEYS, KEY_TEMPLATE), stack_policy=OPEN_POLICY)))
    rig.deploy()
    for policy, status, calls in (
        (OPEN_POLICY, "same", 1),
        (OPEN_POLICY.replace("*", "Key"), "different", 1),
        (None, "", 0),
    ):
        rig.world.calls.clear()
        deployment = changed(rig.deployment, KEYS, stack_policy=policy)
        asking = ObserveOptions(clients=rig.clients.hurried(), now=NOW)
        seen = rig.run(lambda: observe_site(deployment, Site(None, EAST), asking))  # noqa: B023 - run at once
        assert ([stack.policy for stack in seen.stacks], rig.operations("GetStackPolicy")) == ([status], calls)
        shown = status_text(Status(deployment="tap-dev", sites=(seen,)), {}, NOW).plain
        assert ("its stack policy differs" in shown) is (status == "different")


def test_a_stack_that_plan_would_adopt_is_not_ours_yet_and_nothing_of_it_is_looked_at() -> None:
    rig = Rig(World(), legacy_deployment())
    deploy_legacy(rig.world.session(ACCOUNT).client("cloudformation", EAST), rig.world.settle)
    rig.world.stack("legacy-key").deploy(BODIES["legacy-key"], tags={"builder:deployment": "another-dev"})
    rig.world.calls.clear()
    asking = ObserveOptions(clients=rig.clients.hurried(), now=NOW)
    seen = rig.run(lambda: observe_site(rig.deployment, Site(None, EAST), asking))
    assert {stack.name: (stack.status, stack.template) for stack in seen.stacks} == {
        "legacy-net": ("CREATE_COMPLETE", "not ours yet"),
        "legacy-queue": ("CREATE_COMPLETE", "not ours yet"),
        "legacy-key": ("ABSENT", ""),
    }
    status = Status(deployment="shop-dev", sites=(seen,))
    assert not status.is_deployed
    assert "not ours yet: plan adopts it" in status_text(status, {}, NOW).plain
    assert {call.operation for call in rig.world.calls} == {"DescribeStacks"}


def test_a_stack_in_review_has_no_template_yet() -> None:
    rig = Rig(World())
    rig.plan()
    asking = ObserveOptions(clients=rig.clients.hurried(), now=NOW)
    deployment = replace(
        rig.deployment, stacks=tuple(stack for stack in rig.deployment.stacks if stack.id == "us-west-2/storage")
    )
    seen = rig.run(lambda: observe_site(deployment, Site(None, WEST), asking))
    assert {(stack.status, stack.template) for stack in seen.stacks if stack.name == "tap-dev-storage"} == {
        ("REVIEW_IN_PROGRESS", "different")
    }


def test_roles_and_health_are_what_the_components_say(deployed: StateRig) -> None:
    function = deployed.deployment.components["function"].function
    assert function is not None
    components = {"api": Component(function=replace(function, health="/items/none"))}
    seen = {
        region: observe(replace(deployed, deployment=replace(deployed.deployment, components=components)), region)
        for region in (EAST, WEST)
    }
    assert {region: site.role for region, site in seen.items()} == {EAST: "primary", WEST: "secondary"}
    for site in seen.values():
        assert [url.path for function in site.functions for url in function.urls] == ["/items/none"]
    nobody = replace(deployed.deployment, roles=None, components={})
    site = observe(replace(deployed, deployment=nobody), WEST)
    assert (site.role, [url.path for function in site.functions for url in function.urls]) == ("", ["/health"])


def test_a_table_of_another_s_making_is_looked_at_where_a_component_names_it(deployed: StateRig) -> None:
    other = {"other": Component(table=Table(name="tap-dev-other", regions=(WEST,)))}
    deployment = replace(deployed.deployment, components=other)
    assert copied_tables(deployment, WEST) == ("tap-dev-other", "tap-dev-global")
    assert copied_tables(deployment, EAST) == ("tap-dev-global",)


def test_a_copy_is_known_without_its_stack_s_region() -> None:
    assert copied_tables(shipped(), WEST) == ("tap-dev-global",)
    assert copied_tables(shipped(), Region("eu-west-1")) == ()


JSON = {"Description": "a", "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: %s}}}"


@pytest.mark.parametrize(
    ("local", "deployed", "expected"),
    [
        (TOPIC % "one", TOPIC % "one", "same"),
        (TOPIC % "one", TOPIC % "two", "different"),
        (TOPIC % "Störung", TOPIC % "Störung", "not known"),
        (TOPIC % "Störung", TOPIC % "Stürung", "not known"),
        (TOPIC % "Störung", TOPIC % "Storung", "different"),
        (json.dumps(JSON, indent=1), json.dumps(JSON), "same"),
        (json.dumps(dict(reversed(JSON.items()))), json.dumps(JSON), "same"),
        (json.dumps({**JSON, "Resources": {"Other": {"Type": "AWS::SNS::Topic"}}}), json.dumps(JSON), "different"),
    ],
)
def test_status_says_of_a_template_what_plan_finds(local: str, deployed: str, expected: str) -> None:
    rig = Rig(World())
    stack_id = StackId("us-east-1/topic")
    rig.deploy(make_deployment(make_stack(stack_id, deployed)))
    deployment = make_deployment(make_stack(stack_id, local))
    asking = ObserveOptions(clients=rig.clients.hurried(), now=NOW)
    (stack,) = rig.run(lambda: observe_site(deployment, Site(None, Region("us-east-1")), asking)).stacks
    assert stack.template == expected
    rig.world.calls.clear()
    plan = rig.plan(deployment)
    # What is not known is asked of CloudFormation, and what turned out to be nothing is gone again.
    assert rig.operations("CreateChangeSet") == (expected != "same")
    assert plan.is_empty == (expected == "same" or local == deployed)
    assert rig.operations("DeleteChangeSet") == (plan.is_empty and expected != "same")
