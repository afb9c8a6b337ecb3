import pytest

from builder.assembly import OutputOf
from builder.deploy import Deployment, Done, PlanOptions, PlanRequest
from builder.errors import Stopped
from builder.template import properties_of, read_template
from builder.terms import StackId
from deploy.chained import KEY_TEMPLATE, KEYS, make_deployment, make_stack
from deploy.plan.test_guards import BESIDE, GLOBAL_TABLE
from deploy.rig import Rig

STACK = StackId("us-east-1/data")
MORE = "        - {Region: us-west-2}\n        - {Region: eu-west-1}\n        - {Region: eu-central-1}\n"
FOUR = GLOBAL_TABLE.replace("        - {Region: us-west-2}\n", MORE)
# What a round trip through a parser would change: 11.10 to 11.1, 0060 to 48, the quotes, the comments, the ö.
EXACT = (
    BESIDE.replace(
        "Resources:", "# Störung\nMappings:\n  Ids: {Account: {Id: '012345678901', Factor: 11.10}}\nResources:"
    )
    + "  Note: {Type: AWS::SNS::Topic, Properties: {DisplayName: 'memory', FifoThroughputScope: 0060}} # ö\n"
    + GLOBAL_TABLE.replace(
        "      Replicas:\n        - {Region: us-east-1}\n        - {Region: us-west-2}\n",
        "      Replicas: [{Region: us-east-1}, {Region: us-west-2}LIST] # replicas\n",
    )
)


def indexed(kind: str, *names: str) -> str:
    """A template with a table that has these indexes."""
    defined = ", ".join(f"{{AttributeName: {name}, AttributeType: S}}" for name in ("id", *names))
    listed = ", ".join(
        f"{{IndexName: {name}, KeySchema: [{{AttributeName: {name}, KeyType: HASH}}]}}" for name in names
    )
    return (
        f"{BESIDE}  Data:\n    Type: AWS::DynamoDB::{kind}\n    Properties:\n      TableName: one\n"
        f"      AttributeDefinitions: [{defined}]\n      KeySchema: [{{AttributeName: id, KeyType: HASH}}]\n"
        + (f"      GlobalSecondaryIndexes: [{listed}]\n" if names else "")
        + ("      Replicas: [{Region: us-east-1}]\n" if kind == "GlobalTable" else "")
    )


@pytest.fixture
def two(rig: Rig) -> Rig:
    """A rig with a global table in two regions."""
    rig.deploy(make_deployment(make_stack(STACK, BESIDE + GLOBAL_TABLE)))
    rig.world.calls.clear()
    return rig


def regions(template: str) -> list[str]:
    table = read_template(template).resource("Data")
    return [replica["Region"] for replica in properties_of(table)["Replicas"]]


def test_replicas_are_planned_one_at_a_time_the_first_now_and_the_others_later(two: Rig) -> None:
    plan = two.plan(make_deployment(make_stack(STACK, BESIDE + FOUR)))
    (step,) = plan.steps
    (deferred,) = plan.deferred
    assert (step.part, deferred.part, deferred.type) == (1, 2, "UPDATE")
    assert regions(deferred.desired.template) == ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
    assert [(change.logical_id, [p.path for p in change.properties]) for change in deferred.changes] == [
        ("Data", ["/Properties/Replicas"])
    ]
    assert "one replica" in deferred.because
    assert all(isinstance(outcome, Done) for outcome in two.execute(plan))
    assert two.operations("ExecuteChangeSet") == 2
    assert two.plan(make_deployment(make_stack(STACK, BESIDE + FOUR))).is_empty


def test_started_again_in_the_middle_it_goes_on_with_what_is_left(two: Rig) -> None:
    plan = two.plan(make_deployment(make_stack(STACK, BESIDE + FOUR)))
    (step,) = plan.steps
    two.clients.cloudformation(step.region).execute_change_set(ChangeSetName=step.change_set)
    two.world.settle()
    assert all(isinstance(outcome, Done) for outcome in two.execute(plan))
    assert two.operations("ExecuteChangeSet") == 2
    assert two.execute(plan) == (Done(STACK, "executed before"),)


def test_a_failure_in_the_middle_ends_the_sequence(two: Rig) -> None:
    plan = two.plan(make_deployment(make_stack(STACK, BESIDE + FOUR)))
    two.world.script.fails("UPDATE", "Data", reason="Replica quota")
    (broke,) = two.execute(plan)
    assert not isinstance(broke, Done)
    assert two.operations("ExecuteChangeSet") == 1


def test_another_change_beside_a_replica_is_an_update_of_its_own(two: Rig) -> None:
    three = GLOBAL_TABLE.replace(
        "        - {Region: us-west-2}\n", "        - {Region: us-west-2}\n        - {Region: eu-west-1}\n"
    )
    plan = two.plan(make_deployment(make_stack(STACK, BESIDE + three + "  More: {Type: AWS::SNS::Topic}\n")))
    (step,) = plan.steps
    assert [(change.action, change.logical_id) for change in step.changes] == [("Add", "More")]
    assert [(change.action, change.logical_id) for change in plan.deferred[0].changes] == [("Modify", "Data")]
    assert all(isinstance(outcome, Done) for outcome in two.execute(plan))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"),
    [("", ", {Region: eu-west-1}, {Region: eu-central-1}"), (", {Region: eu-west-1}", ", {Region: eu-central-1}")],
)
def test_the_templates_in_between_are_the_assembly_s_to_the_byte_but_for_the_replicas(
    rig: Rig, before: str, after: str
) -> None:
    deployed = make_deployment(make_stack(STACK, EXACT.replace("LIST", before).replace("memory", "Störung 0")))
    desired = make_deployment(make_stack(STACK, EXACT.replace("LIST", after).replace("memory", "Stürung 1")))
    rig.deploy(deployed)
    rig.world.calls.clear()
    plan = rig.plan(desired)
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan, [hit.allow for hit in plan.guards]))
    sent = [call.params["TemplateBody"] for call in rig.world.calls if call.operation == "CreateChangeSet"]
    gone = before.replace("Region: eu-west-1", '"Region": "eu-west-1"')
    states = [gone, ", {Region: eu-central-1}" + gone if gone else ", {Region: eu-west-1}", after]
    assert sent == [EXACT.replace("LIST", state).replace("memory", "Stürung 1") for state in states]
    assert rig.world.stack("tap-dev-data").record.deployed.body == sent[-1]
    assert rig.plan(desired).is_empty


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Table", "GlobalTable"])
@pytest.mark.parametrize("names", [("x", "y"), ("y", "x", "z")])
def test_indexes_come_and_go_one_at_a_time(rig: Rig, kind: str, names: tuple[str, ...]) -> None:
    without, having = (make_deployment(make_stack(STACK, indexed(kind, *some))) for some in ((), names))
    for deployed, desired in ((without, having), (having, without)):
        rig.deploy(deployed)
        rig.world.calls.clear()
        plan = rig.plan(desired)
        assert [step.because for step in plan.deferred] == [
            "AWS takes one global secondary index more or less at a time" for _ in names[1:]
        ]
        assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
        assert rig.operations("ExecuteChangeSet") == len(names)
        assert rig.plan(desired).is_empty


@pytest.mark.parametrize("key", ["one", "two"])
def test_a_sequence_of_a_stack_that_takes_an_output_comes_to_its_end(rig: Rig, key: str) -> None:
    template = "Parameters: {KeyArn: {Type: String}}\n" + BESIDE.replace(
        "Topic}", "Topic, Properties: {KmsMasterKeyId: !Ref KeyArn}}"
    )

    def deployment(data: str, description: str) -> Deployment:
        keys = make_stack(KEYS, KEY_TEMPLATE.replace("Description: one", f"Description: {description}"))
        return make_deployment(
            keys, make_stack(STACK, template + data, {"KeyArn": OutputOf((KEYS, "KeyArn"))}, (KEYS,))
        )

    rig.deploy(deployment(GLOBAL_TABLE, "one"))
    plan = rig.plan(deployment(FOUR, key))
    outcomes = rig.execute(plan)
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    assert rig.plan(deployment(FOUR, key)).is_empty


def test_what_cannot_be_sent_again_stops_the_plan_and_leaves_nothing(rig: Rig) -> None:
    tagged = "        - {Region: us-west-2, Tags: [{Key: k, Value: Störung}]}\n"
    rig.deploy(
        make_deployment(make_stack(STACK, BESIDE + GLOBAL_TABLE.replace("        - {Region: us-west-2}\n", tagged)))
    )
    rig.world.calls.clear()
    desired = GLOBAL_TABLE.replace("        - {Region: us-west-2}\n", "")
    with pytest.raises(Stopped, match="is not sent again") as stopped:
        rig.plan(make_deployment(make_stack(STACK, BESIDE + desired + "  More: {Type: AWS::SNS::Topic}\n")))
    assert "make the other changes first" in stopped.value.next_step
    assert rig.operations("CreateChangeSet") == 0
    assert len(rig.plan(make_deployment(make_stack(STACK, BESIDE + desired))).steps) == 1


def test_what_was_changed_by_hand_is_put_right_where_that_is_wished_for(rig: Rig) -> None:
    topic = make_deployment(
        make_stack(STACK, "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}\n")
    )
    request = PlanRequest(options=PlanOptions(deployment_mode="REVERT_DRIFT"))
    rig.deploy(topic)
    assert rig.plan(topic, request).is_empty
    rig.world.stack("tap-dev-data").drifts("Topic", DisplayName="by hand")
    assert rig.plan(topic).is_empty
    plan = rig.plan(topic, request)
    assert [change.logical_id for change in plan.steps[0].changes] == ["Topic"]
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert rig.plan(topic, request).is_empty
