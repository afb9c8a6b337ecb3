from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from builder.assembly import OutputOf
from builder.deploy import Done, PlanOptions, PlanRequest, StackFailed, read_plan, write_plan
from builder.deploy.desired import MASK
from builder.deploy.draft.adoption import beyond_tags
from builder.deploy.draft.expected import ExpectedChangeSet, ShownChangeSet, differences
from builder.deploy.records import Adoption, PropertyChange, ResourceChange
from builder.errors import Stopped
from builder.template import OPEN_POLICY
from builder.terms import Arn, LogicalId, StackId, StackName
from deploy.legacy import BODIES, NAMES, QUEUE, SECRET, TAGS, deploy_legacy, legacy_deployment
from deploy.nesting import TOPIC, nest, parent, put
from deploy.rig import ACCOUNT, Rig
from fake_aws import World

QUEUE_ID = StackId("us-east-1/legacy-queue")
ALLOW = tuple(f"us-east-1/{name}" for name in NAMES)
OURS = {"builder:deployment": "shop-dev"}
DEEPER = {**BODIES, "legacy-queue": QUEUE.replace("DelaySeconds:", "MaximumMessageSize: 2048\n      DelaySeconds:")}


def make_legacy() -> Rig:
    rig = Rig(World(page_size=2), legacy_deployment())
    deploy_legacy(rig.world.session(ACCOUNT).client("cloudformation", "us-east-1"), rig.world.settle)
    rig.world.calls.clear()
    return rig


@pytest.fixture
def legacy() -> Rig:
    return make_legacy()


def tags(rig: Rig) -> dict[str, dict[str, str]]:
    return {name: dict(rig.world.stack(name).record.deployed.tags) for name in NAMES}


def is_touched(rig: Rig) -> bool:
    """Whether any of the three is another than as it was deployed."""
    stacks = [rig.world.stack(name) for name in NAMES]
    return any(stack.status != "CREATE_COMPLETE" or stack.record.deployed.tags != TAGS for stack in stacks)


def test_an_adoption_takes_what_stands_and_adds_our_tags(legacy: Rig) -> None:
    plan = legacy.plan()

    assert [(step.stack, step.adoption) for step in plan.steps] == [(stack, Adoption()) for stack in ALLOW]
    assert [hit.allow for hit in plan.guards] == list(ALLOW)
    assert {change.scope for step in plan.steps for change in step.changes} == {("Tags",)}
    requests = [call.params for call in legacy.world.calls if call.operation == "CreateChangeSet"]
    for request in requests:
        assert request["UsePreviousTemplate"] is True
        assert not {"TemplateBody", "TemplateURL", "RoleARN", "NotificationARNs"} & request.keys()
        assert all(
            each == {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True}
            for each in request.get("Parameters", [])
        )
        given = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        assert given == {**TAGS, **OURS, "builder:stack": f"us-east-1/{request['StackName']}"}
    assert SECRET not in write_plan(plan).decode()
    assert not is_touched(legacy)


def test_nothing_is_ours_before_it_is_allowed_and_executed(legacy: Rig) -> None:
    plan = legacy.plan()
    with pytest.raises(Stopped, match="others deployed this stack"):
        legacy.execute(plan)
    with pytest.raises(Stopped, match="legacy-key: others deployed this stack"):
        legacy.execute(plan, ALLOW[:2])
    assert not is_touched(legacy)
    assert legacy.destroy() == ()
    assert not is_touched(legacy)


def test_what_is_adopted_is_updated_and_destroyed_as_ours(legacy: Rig) -> None:
    plan = read_plan(write_plan(legacy.plan()), "plan.json")
    assert all(isinstance(end, Done) for end in legacy.execute(plan, ALLOW))
    assert tags(legacy) == {name: {**TAGS, **OURS, "builder:stack": f"us-east-1/{name}"} for name in NAMES}
    assert legacy.world.stack("legacy-queue").record.deployed.parameters["Secret"] == SECRET
    assert legacy.plan().is_empty

    deeper = legacy_deployment(DEEPER, Depth="20")
    changed = legacy.plan(deeper)
    assert [step.stack for step in changed.change_sets] == [QUEUE_ID]
    assert all(isinstance(end, Done) for end in legacy.execute(changed))
    assert legacy.world.stack("legacy-queue").record.deployed.parameters == {
        "Depth": "20",
        "Mode": "fast",
        "Secret": SECRET,
    }

    assert all(isinstance(end, Done) for end in legacy.destroy())
    assert {legacy.world.stack(name).status for name in NAMES} == {"DELETE_COMPLETE"}


def test_what_the_assembly_has_otherwise_comes_with_the_next_plan(legacy: Rig) -> None:
    deployment = legacy_deployment(DEEPER, Depth="20")
    deployment = replace(
        deployment,
        stacks=tuple(
            replace(
                stack,
                tags={name: value for name, value in stack.tags.items() if name != "cost"},
                termination_protection=True,
                stack_policy=OPEN_POLICY,
            )
            if stack.name == "legacy-key"
            else stack
            for stack in deployment.stacks
        ),
    )
    plan = read_plan(write_plan(legacy.plan(deployment)), "plan.json")
    assert {step.stack: step.adoption.to_come for step in plan.steps if step.adoption} == {
        "us-east-1/legacy-net": (),
        "us-east-1/legacy-queue": ("template", "parameters"),
        "us-east-1/legacy-key": ("tags", "termination protection", "stack policy"),
    }
    assert (plan.protections, plan.policies) == ((), ())
    legacy.planned[plan.id] = deployment
    assert all(isinstance(end, Done) for end in legacy.execute(plan, ALLOW))
    # All of it was executed, and nothing but that: the same plan again has nothing left to do, whatever is to come.
    assert all(isinstance(end, Done) for end in legacy.execute(plan))
    following = legacy.plan(deployment)
    assert {step.stack for step in following.changing} == {QUEUE_ID, "us-east-1/legacy-key"}
    assert following.guards == ()


def test_a_stack_bound_to_its_output_is_planned_at_once(legacy: Rig) -> None:
    user = replace(
        legacy.stack("us-east-1/legacy-net"),
        id=StackId("us-east-1/user"),
        name=StackName("user"),
        parameters={"Zone": OutputOf((QUEUE_ID, "Url"))},
        template=BODIES["legacy-net"].replace("legacy-topic", "other-topic"),
        needs=(QUEUE_ID,),
    )
    deployment = replace(legacy.deployment, stacks=(*legacy.deployment.stacks, user))
    plan = legacy.plan(deployment)
    assert {step.stack: step.type for step in plan.steps}[user.id] == "CREATE"
    assert all(isinstance(end, Done) for end in legacy.execute(plan, ALLOW))


def test_it_is_left_its_role_and_mode_whatever_the_plan_says(legacy: Rig) -> None:
    options = PlanOptions(
        role_arn="arn:aws:iam::111122223333:role/cfn", deployment_mode="EXPRESS", import_existing=True
    )
    plan = legacy.plan(request=PlanRequest(options=options))
    requests = [call.params for call in legacy.world.calls if call.operation == "CreateChangeSet"]
    assert not any({"RoleARN", "DeploymentConfig", "ImportExistingResources"} & request.keys() for request in requests)
    assert all(isinstance(end, Done) for end in legacy.execute(plan, ALLOW))


READS = BODIES["legacy-net"].replace(
    "Zone: {Type: String, Default: a}", "Zone: {Type: 'AWS::SSM::Parameter::Value<String>', Default: zone}"
)


def test_rows_beyond_tags_stop_it_and_leave_nothing(rig: Rig) -> None:
    client = rig.world.session(ACCOUNT).client("cloudformation", "us-east-1")
    zone = "Resources: {Zone: {Type: AWS::SSM::Parameter, Properties: {Name: zone, Type: String, Value: a}}}"
    deploy_legacy(client, rig.world.settle, {"zone": zone, "legacy-net": READS})
    client.create_change_set(StackName="zone", ChangeSetName="b", TemplateBody=zone.replace("Value: a", "Value: b"))
    rig.world.settle()
    client.execute_change_set(StackName="zone", ChangeSetName="b")
    rig.world.settle()
    with pytest.raises(Stopped, match=r"(?s)more than hand on tags.*Modify Topic \(AWS::SNS::Topic\): Properties"):
        rig.plan(legacy_deployment({"legacy-net": READS}))
    assert client.list_change_sets(StackName="legacy-net")["Summaries"][0]["ChangeSetName"] == "first"
    assert len(client.list_change_sets(StackName="legacy-net")["Summaries"]) == 1


def test_a_change_set_of_the_plan_s_name_that_does_more_is_refused(legacy: Rig) -> None:
    plan = legacy.plan()
    step = next(step for step in plan.steps if step.stack == QUEUE_ID)
    client = legacy.world.session(ACCOUNT).client("cloudformation", "us-east-1")
    client.delete_change_set(ChangeSetName=step.change_set)
    forged = client.create_change_set(
        StackName="legacy-queue",
        ChangeSetName=f"shop-dev-{plan.id}",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": "Secret", "ParameterValue": "stolen"},
            {"ParameterKey": "Depth", "UsePreviousValue": True},
            {"ParameterKey": "Mode", "UsePreviousValue": True},
        ],
        Tags=[{"Key": key, "Value": value} for key, value in {**TAGS, **OURS, "builder:stack": QUEUE_ID}.items()],
        Description=[call for call in legacy.world.calls if call.operation == "CreateChangeSet"][1].params[
            "Description"
        ],
    )["Id"]
    legacy.world.settle()
    steps = tuple(replace(planned, change_set=Arn(forged)) if planned is step else planned for planned in plan.steps)
    claimed = replace(plan, steps=steps)
    with pytest.raises(Stopped, match=r"(?s)not what the assembly says.*Modify Param \(AWS::SSM::Parameter\)"):
        legacy.execute(claimed, ALLOW)
    assert not is_touched(legacy)


@pytest.mark.parametrize("adoption", [None, Adoption(to_come=("template",))])
def test_what_a_plan_s_file_says_of_adoption_changes_nothing(legacy: Rig, adoption: Adoption | None) -> None:
    plan = legacy.plan()
    claimed = replace(plan, guards=(), steps=tuple(replace(step, adoption=adoption) for step in plan.steps))
    with pytest.raises(Stopped, match="others deployed this stack"):
        legacy.execute(claimed)
    assert not is_touched(legacy)


def modified(**fields: Any) -> ResourceChange:
    return replace(
        ResourceChange(
            action="Modify", logical_id=LogicalId("Q"), type="AWS::SQS::Queue", replacement="False", scope=("Tags",)
        ),
        **fields,
    )


NESTED = {"type": "AWS::CloudFormation::Stack", "scope": ("Properties", "Tags")}


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        (modified(), True),
        (modified(properties=(PropertyChange(path="/Properties/Tags/team"),)), True),
        (modified(scope=("Properties", "Tags")), False),
        (modified(scope=("Properties",)), False),
        (modified(scope=("Metadata",)), False),
        (modified(scope=()), False),
        (modified(replacement="True"), False),
        (modified(replacement="Conditional"), False),
        (modified(losses=("perhaps all of it",)), False),
        (modified(action="Add"), False),
        (modified(action="Remove"), False),
        (modified(action="Import"), False),
        (modified(action="Dynamic"), False),
        (modified(action="SyncWithActual"), False),
        (modified(action="Unheard"), False),
        (modified(**NESTED), True),
        (modified(**NESTED, properties=(PropertyChange(path="Properties"),)), True),
        (modified(**NESTED, properties=(PropertyChange(path="Properties.TemplateURL"),)), False),
        (modified(**NESTED, properties=(PropertyChange(path="/Properties/Parameters/A"),)), False),
        (modified(**NESTED, losses=("perhaps what it holds",)), False),
    ],
)
def test_only_tags_that_are_handed_on_pass(change: ResourceChange, passes: bool) -> None:  # noqa: FBT001 - a table's
    assert (beyond_tags([change]) == ()) is passes


def hanging(on: str, **fields: Any) -> ResourceChange:
    """A function whose role may be another, as far as the change set knows."""
    role = PropertyChange(path="/Properties/Role", follows=on)
    given: dict[str, Any] = {
        "logical_id": LogicalId("F"),
        "scope": ("Properties", "Tags"),
        "properties": (role,),
        **fields,
    }
    return modified(**given)


@pytest.mark.parametrize(
    ("changes", "loud"),
    [
        ([modified(), hanging("Q")], []),
        ([hanging("Q"), modified()], []),
        ([modified(), hanging("Q"), hanging("F", logical_id=LogicalId("G"))], []),
        ([modified(), hanging("Q", scope=("Properties",))], []),
        ([hanging("Q")], ["F"]),
        ([hanging("F")], ["F"]),
        ([modified(), hanging("")], ["F"]),
        ([modified(), hanging("Q", scope=("Properties", "Metadata"))], ["F"]),
        ([modified(), hanging("Q", replacement="Conditional")], ["F"]),
        ([modified(scope=("Properties", "Tags")), hanging("Q")], ["Q", "F"]),
        ([modified(logical_id=LogicalId("C/Q")), hanging("Q", logical_id=LogicalId("C/F"))], []),
        ([modified(logical_id=LogicalId("C/Q")), hanging("Q")], ["F"]),
    ],
)
def test_what_hangs_on_a_resource_that_only_gets_tags_passes(changes: list[ResourceChange], loud: list[str]) -> None:
    assert [line.split()[1] for line in beyond_tags(changes)] == loud


FUNCTION = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: []}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.14
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: 'def handler(event, context): ...'}
"""


def test_a_function_with_its_role_is_adopted(rig: Rig) -> None:
    client = rig.world.session(ACCOUNT).client("cloudformation", "us-east-1")
    permitted = SimpleNamespace(
        create_change_set=partial(client.create_change_set, Capabilities=["CAPABILITY_IAM"]),
        execute_change_set=client.execute_change_set,
    )
    deploy_legacy(permitted, rig.world.settle, {"legacy-net": FUNCTION})
    rig.deployment = legacy_deployment({"legacy-net": FUNCTION})
    plan = rig.plan(rig.deployment)
    [step] = plan.steps
    assert [change.logical_id for change in step.changes if "Properties" in change.scope] == ["Function"]
    assert all(isinstance(end, Done) for end in rig.execute(plan, ["us-east-1/legacy-net"]))


def test_children_have_the_tags_of_their_parent_and_are_looked_into(rig: Rig) -> None:
    rig.deployment = parent({"Child": nest(put(rig, "child.yaml", TOPIC)), **TOPIC})
    [stack] = rig.deployment.stacks
    client = rig.world.session(ACCOUNT).client("cloudformation", "us-east-1")
    deploy_legacy(client, rig.world.settle, {stack.name: stack.template})
    [child] = [
        entry["StackName"]
        for entry in client.describe_stacks()["Stacks"]
        if entry["StackName"].startswith(f"{stack.name}-Child-")
    ]

    plan = read_plan(write_plan(rig.plan()), "plan.json")
    [step] = plan.steps
    assert {change.logical_id for change in step.changes} == {"Topic", "Child", "Child/Topic"}
    assert step.nested
    rig.planned[plan.id] = rig.deployment
    assert all(isinstance(end, Done) for end in rig.execute(plan, [stack.id]))
    assert rig.world.stack(child).record.deployed.tags == rig.world.stack(stack.name).record.deployed.tags
    assert all(isinstance(end, Done) for end in rig.destroy())


def test_a_failed_adoption_leaves_it_nobody_s_here(legacy: Rig) -> None:
    legacy.world.script.fails("UPDATE", "Queue", reason="not authorized to perform: sqs:TagQueue")
    ends = {end.stack: end for end in legacy.deploy(allow=ALLOW)}
    failed = ends[QUEUE_ID]
    assert isinstance(failed, StackFailed)
    assert "sqs:TagQueue" in failed.reason
    assert legacy.world.stack("legacy-queue").record.deployed.tags == TAGS
    [again] = [step for step in legacy.plan().steps if step.stack == QUEUE_ID]
    assert again.adoption == Adoption()


def test_what_is_adopted_goes_on_importing_in_the_same_plan(legacy: Rig) -> None:
    legacy.deploy(replace(legacy.deployment, stacks=legacy.deployment.stacks[:1]), allow=ALLOW[:1])
    bodies = {
        **BODIES,
        "legacy-net": BODIES["legacy-net"].replace("legacy-topic", "other-topic"),
        "legacy-queue": QUEUE.replace("!ImportValue legacy-topic", "!ImportValue other-topic"),
    }
    with pytest.raises(
        Stopped, match="removes the export legacy-topic, which legacy-queue imports and goes on importing"
    ):
        legacy.plan(legacy_deployment(bodies))


def test_a_parameter_that_is_only_said_to_keep_its_value_is_as_it_should_be(legacy: Rig) -> None:
    """Which of the two DescribeChangeSet shows, AWS does not say."""
    shown = ShownChangeSet(
        name="n",
        stack_name=StackName("s"),
        stack_arn=Arn("a"),
        parameters={"Mode": "fast"},
        previous=frozenset({"Depth", "Secret"}),
    )
    expected = ExpectedChangeSet(
        name="n",
        stack_name=StackName("s"),
        stack_arn=Arn("a"),
        template=QUEUE,
        parameters={"Depth": "10", "Mode": "fast", "Secret": MASK},
        previous=frozenset({"Depth", "Mode", "Secret"}),
        tags={},
        capabilities=frozenset(),
    )
    assert differences(shown, QUEUE, expected) == ()
    assert differences(shown, QUEUE, replace(expected, previous=frozenset({"Depth"}))) == (
        "its parameter Secret is not the assembly's",
    )
    assert differences(replace(shown, previous=frozenset()), QUEUE, expected) == (
        "its parameter Depth is missing, and not '10'",
        "its parameter Secret is not the assembly's",
    )
