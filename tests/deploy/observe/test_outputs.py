import json
from dataclasses import replace

import pytest

from builder.assembly import OutputOf, read_assembly
from builder.assembly.components import Component, FunctionComponent, Roles
from builder.assembly.manifest import read_manifest, write_manifest
from builder.deploy import Deployment, Done, Outputs, StackFailed, observe_every_output, observe_outputs, observe_system
from builder.deploy import make_deployment as bound_deployment
from builder.errors import BadInput, Failed, Several, Stopped
from builder.terms import Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import ROOT, Rig

WEST = Region("us-west-2")
TOPICS, GONE = StackId("us-east-1/topics"), StackId("us-east-1/gone")
TEMPLATE = """\
Parameters: {Stage: {Type: String, Default: dev}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources: {Topic: {Type: AWS::SNS::Topic}}
Outputs:
  Always: {Value: a}
  Prod: {Value: b, Condition: IsProd}
  Last: {Value: c}
"""
TAKER = """\
Parameters: {Note: {Type: String}}
Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Note}}}
"""


def test_every_public_output_is_read_from_the_stack_that_holds_it(deployed: Rig) -> None:
    outputs = deployed.run(lambda: observe_outputs(deployed.deployment, deployed.clients))
    assert list(outputs) == [
        "primaryLambdaUrl",
        "secondaryLambdaUrl",
        "globalTableName",
        "primaryBucketName",
        "secondaryBucketName",
    ]
    assert outputs["globalTableName"] == "tap-dev-global"
    assert outputs["secondaryBucketName"] == "tap-dev-111122223333-us-west-2-an"


def test_the_system_is_what_its_components_stand_as(deployed: Rig) -> None:
    system = deployed.run(lambda: observe_system(deployed.deployment, deployed.clients))
    outputs = deployed.run(lambda: observe_outputs(deployed.deployment, deployed.clients))
    assert (system.name, system.primary, system.secondaries) == ("tap-dev", "us-east-1", ("us-west-2",))
    assert {region: end.url for region, end in system.endpoints.items()} == {
        "us-east-1": outputs["primaryLambdaUrl"],
        "us-west-2": outputs["secondaryLambdaUrl"],
    }
    assert {end.stack.name for end in system.endpoints.values()} == {"tap-dev-service"}
    assert (system.table, system.health, system.copies) == ("tap-dev-global", "/health", (("us-east-1", "us-west-2"),))
    assert system.buckets == {
        "us-east-1": outputs["primaryBucketName"],
        "us-west-2": outputs["secondaryBucketName"],
    }


def test_of_the_primary_s_function_no_other_region_is_asked(deployed: Rig) -> None:
    deployed.world.region_down("us-west-2")
    system = deployed.run(lambda: observe_system(deployed.deployment, deployed.clients, only_primary=True))
    assert [*system.endpoints] == ["us-east-1"]
    assert (system.buckets, system.copies) == ({}, ())
    assert {call.region for call in deployed.world.calls} == {"us-east-1"}


@pytest.mark.slow
def test_every_secondary_of_three_regions_is_in_the_system() -> None:
    assembly = read_assembly(ROOT / "tests/golden/three_regions/templates")
    # Without the experiment, whose type the fake does not know.
    stacks = tuple(stack for stack in assembly.manifest.stacks if not stack.id.endswith("/drill"))
    manifest = replace(assembly.manifest, stacks=stacks)
    written = json.loads(write_manifest(manifest))
    first = read_manifest(
        json.dumps({"version": 1, **{key: written[key] for key in ("project", "stacks", "outputs")}}).encode(), "first"
    )
    rig = Rig(deployment=bound_deployment(manifest, assembly.templates, "dev"))
    assert all(isinstance(outcome, Done) for outcome in rig.deploy())
    system = rig.run(lambda: observe_system(rig.deployment, rig.clients))
    assert (system.primary, system.secondaries) == ("eu-central-1", ("eu-west-1", "eu-north-1"))
    regions = ["eu-central-1", "eu-west-1", "eu-north-1"]
    assert [*system.endpoints] == [*system.buckets] == regions
    assert len({end.url for end in system.endpoints.values()}) == 3
    assert system.copies == (("eu-central-1", "eu-west-1"), ("eu-central-1", "eu-north-1"))
    # What its outputs say by their names comes to the same.
    by_names = bound_deployment(first, assembly.templates, "dev")
    assert rig.run(lambda: observe_system(by_names, rig.clients)) == system


def test_a_system_that_nobody_can_drill_is_told_what_it_lacks(deployed: Rig) -> None:
    deployment = deployed.deployment
    functions = {name: component for name, component in deployment.components.items() if not component.function}
    for lacking, what in (
        (replace(deployment, roles=None), "tap-dev: has no roles"),
        (replace(deployment, components=functions), "tap-dev: has no component that is a function"),
    ):
        with pytest.raises(BadInput, match=what):
            deployed.run(lambda lacking=lacking: observe_system(lacking, deployed.clients))  # type: ignore[misc]  # bound


def test_what_a_component_is_bound_to_and_is_not_there_is_told_by_its_place(deployed: Rig) -> None:
    deployment = replace(
        deployed.deployment, components={"api": _bound("us-west-2", "Nothing")}, roles=Roles(primary=WEST)
    )
    with pytest.raises(Failed, match=r"tap-dev: function.url.us-west-2: is the output Nothing of us-west-2/serv"):
        deployed.run(lambda: observe_system(deployment, deployed.clients))


def _bound(region: str, name: str) -> Component:
    return Component(function=FunctionComponent(url={Region(region): OutputOf((StackId(f"{region}/service"), name))}))


def test_a_plan_of_a_manifest_without_components_is_executed_beside_one_that_has_them(rig: Rig) -> None:
    assembly = read_assembly(ROOT / "templates")
    written = json.loads(write_manifest(assembly.manifest))
    first = {"version": 1, **{key: written[key] for key in ("project", "stacks", "outputs")}}
    before = bound_deployment(read_manifest(json.dumps(first).encode(), "first"), assembly.templates, "dev")
    plan = rig.plan(before)
    rig.planned[plan.id] = bound_deployment(assembly.manifest, assembly.templates, "dev")
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert rig.plan().steps == ()


def test_what_is_not_deployed_has_no_outputs(rig: Rig) -> None:
    with pytest.raises(Failed, match=r"^tap-dev: is not deployed: no region has a stack of it$"):
        rig.run(lambda: observe_outputs(rig.deployment, rig.clients))


def putting_out(stage: str, *names: str, stack: StackId = TOPICS) -> Deployment:
    deployment = make_deployment(make_stack(TOPICS, TEMPLATE, {"Stage": stage}))
    return replace(deployment, outputs={name.lower(): (stack, name) for name in names})


def read(rig: Rig, deployment: Deployment) -> Outputs:
    return rig.run(lambda: observe_every_output(deployment, rig.clients))


def test_one_under_a_condition_that_is_false_is_absent_and_hides_no_other(rig: Rig) -> None:
    deployment = putting_out("dev", "Always", "Prod", "Last")
    rig.deploy(deployment)
    outputs = read(rig, deployment)
    assert outputs == Outputs(
        values={"always": "a", "last": "c"},
        absent={"prod": "is the output Prod of us-east-1/topics, whose condition IsProd is false there"},
    )
    outputs.check()
    assert outputs.value("always") == "a"
    with pytest.raises(Failed, match="condition IsProd is false"):
        outputs.value("prod")
    prod = putting_out("prod", "Always", "Prod", "Last")
    rig.deploy(prod)
    assert read(rig, prod) == Outputs(values={"always": "a", "prod": "b", "last": "c"})


def test_one_that_should_be_there_and_is_not_hides_no_other_either(rig: Rig) -> None:
    rig.deploy(putting_out("dev", "Always"))
    deployment = putting_out("dev", "Always", "Never", "Last")
    gone = make_stack(GONE, TEMPLATE)
    deployment = replace(
        deployment, stacks=(*deployment.stacks, gone), outputs={**deployment.outputs, "gone": (GONE, "Prod")}
    )
    outputs = read(rig, deployment)
    assert outputs == Outputs(
        values={"always": "a", "last": "c"},
        missing={
            "never": "is the output Never of us-east-1/topics, which is deployed without it",
            "gone": "is the output Prod of us-east-1/gone, which is not deployed",
        },
    )
    with pytest.raises(Several, match=r"which is deployed without it\n.*which is not deployed"):
        outputs.check()


def test_a_stack_in_review_is_not_deployed(rig: Rig) -> None:
    deployment = putting_out("dev", "Prod")
    rig.plan(deployment)
    with pytest.raises(Failed, match="is not deployed"):
        read(rig, deployment)


@pytest.mark.parametrize(
    ("value", "source_exists"),
    [("Störung", False), ("https://example.com/?a=b", False), ("https://example.com/?a=b", True)],
)
def test_a_value_that_may_be_masked_is_no_parameter(rig: Rig, value: str, *, source_exists: bool) -> None:
    def both(note: str) -> Deployment:
        source = make_stack(
            TOPICS, f"Resources: {{Topic: {{Type: AWS::SNS::Topic}}}}\nOutputs: {{Note: {{Value: '{note}'}}}}"
        )
        taker = make_stack(GONE, TAKER, {"Note": OutputOf((TOPICS, "Note"))}, (TOPICS,))
        return make_deployment(source, taker)

    if source_exists:
        rig.deploy(make_deployment(both(value).stacks[0]))
        rig.world.calls.clear()
        with pytest.raises(
            Stopped, match=r"takes the output Note of us-east-1/topics, which shows as '.*not sent again"
        ):
            rig.plan(both(value))
        assert rig.operations("CreateChangeSet") == 0
    else:
        _, broke = rig.deploy(both(value))
        assert isinstance(broke, StackFailed)
        assert "is not sent again" in broke.reason
    assert all(isinstance(outcome, Done) for outcome in rig.deploy(both("plain")))
