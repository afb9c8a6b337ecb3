"""Data that changes hands: a promotion, and data that was there before, planned and executed on the fake."""

import json
from dataclasses import replace
from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Deployment, Done, PlanRequest, Promotion
from builder.deploy import make_deployment as bind
from builder.errors import Stopped
from builder.template import denial, is_open, same_policy
from builder.terms import LogicalId, Region, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import ACCOUNT, Rig
from loaded_config import make_loaded_config

EAST, WEST = Region("us-east-1"), Region("us-west-2")


def system(primary: Region, **more: Any) -> Deployment:
    """The system with this primary, everything named by where it was born."""
    secondary = WEST if primary == EAST else EAST
    regions = {"primary": primary, "secondaries": [secondary], "born": EAST}
    assembly = make_assembly(make_loaded_config(regions=regions, **more))
    return bind(assembly.manifest, assembly.templates, "dev")


def promotion(to: Region) -> Promotion:
    came_from = WEST if to == EAST else EAST
    return Promotion(deployment="tap-dev", to=to, came_from=came_from, at="2026-01-01T00:00:00Z")


@pytest.fixture
def deployed(rig: Rig) -> Rig:
    rig.deployment = system(EAST)
    rig.deploy()
    rig.world.calls.clear()
    return rig


def promote(rig: Rig, to: Region) -> None:
    rig.promotion = promotion(to)
    rig.deployment = system(to)
    plan = rig.plan()
    assert not plan.guards
    moved = [
        change for step in plan.change_sets for change in step.changes if change.is_moved or change.action == "Import"
    ]
    assert [(change.action, change.other_stack) for change in moved] == [
        ("Import", f"{rig.promotion.came_from}/table"),
        ("Remove", f"{to}/table"),
    ]
    outcomes = rig.execute(plan)
    assert all(isinstance(outcome, Done) for outcome in outcomes)


def test_a_swap_is_refused_with_the_words_that_say_what_to_do(deployed: Rig) -> None:
    with pytest.raises(Stopped, match="us-east-1/tap-dev-table's") as caught:
        deployed.plan(system(WEST))
    assert "builder promote us-west-2" in caught.value.next_step
    assert deployed.operations("CreateChangeSet") == 0


def test_a_promotion_moves_the_table_from_stack_to_stack_and_back(deployed: Rig) -> None:
    for to in (WEST, EAST):
        promote(deployed, to)
        again = deployed.plan(request=PlanRequest())
        assert again.is_empty, again.work
        assert not again.orphans


OLD, NEW = StackId("us-east-1/old"), StackId("us-east-1/orders")
TABLE = """\
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
"""
REGIONAL = f"  Orders:\n    Type: AWS::DynamoDB::Table\n{TABLE}"
GLOBAL = f"  Table:\n    Type: AWS::DynamoDB::GlobalTable\n{TABLE}      Replicas: [{{Region: us-east-1}}]\n"
TOPIC = "  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub 'of ${Orders.Arn}'}, DependsOn: Orders}\n"
PLAIN = "  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: 'of none'}}\n"
OUTPUT = "Outputs:\n  Name: {Value: !Ref Orders}\n"


def taking_in(*others: str) -> Deployment:
    """A deployment whose stack takes in the table, beside what is left of the one that has it."""
    new = replace(make_stack(NEW, f"Resources:\n{GLOBAL}"), existing=(LogicalId("Table"),))
    return make_deployment(*(make_stack(OLD, template) for template in others), new)


def table_of(rig: Rig, stack: str) -> set[str]:
    """The types by which a stack has tables."""
    resources = rig.world.stack(stack).record.resources.values()
    return {resource.type for resource in resources if resource.type.startswith("AWS::DynamoDB")}


@pytest.mark.parametrize(
    ("before", "left", "gone"),
    [(TOPIC + REGIONAL + OUTPUT, PLAIN, False), (TOPIC + REGIONAL + OUTPUT, "", False), (REGIONAL + OUTPUT, "", True)],
    ids=["goes on", "no longer in the assembly", "no longer in the assembly, with nothing else"],
)
def test_a_table_of_a_stack_of_ours_goes_to_the_one_that_takes_it_in(
    rig: Rig, before: str, left: str, *, gone: bool
) -> None:
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{before}")))
    client = rig.world.session(ACCOUNT).client("dynamodb", "us-east-1")
    client.put_item(TableName="orders", Item={"id": {"S": "one"}})
    plan = rig.plan(taking_in(*([f"Resources:\n{left}"] if left else [])))
    assert [deletion.stack for deletion in plan.deletions] == (["us-east-1/tap-dev-old"] if gone else [])
    assert [hit.allow for hit in plan.guards] == []
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert table_of(rig, "tap-dev-orders") == {"AWS::DynamoDB::GlobalTable"}
    assert client.scan(TableName="orders")["Items"] == [{"id": {"S": "one"}}]
    assert rig.plan(rig.planned[plan.id]).is_empty


def test_a_table_of_somebody_elses_stack_waits_for_its_owner(rig: Rig) -> None:
    rig.world.stack("theirs").deploy(f"Resources:\n{REGIONAL}")
    with pytest.raises(Stopped, match="in the stack theirs of us-east-1, which is not this deployment's") as caught:
        rig.plan(taking_in())
    assert "Orders: DeletionPolicy: Retain and UpdateReplacePolicy: Retain" in caught.value.what
    assert rig.operations("CreateChangeSet") == 0


def test_what_stands_and_nobody_meant_is_refused_before_anything_runs(rig: Rig) -> None:
    rig.world.stack("theirs").deploy(f"Resources:\n{REGIONAL}")
    meant = taking_in()
    unmeant = replace(meant, stacks=tuple(replace(stack, existing=()) for stack in meant.stacks))
    with pytest.raises(Stopped, match="the table orders is there already, in the stack theirs") as caught:
        rig.plan(unmeant)
    assert "existing: orders" in caught.value.next_step


def test_what_is_said_to_exist_and_does_not_is_refused(rig: Rig) -> None:
    with pytest.raises(Stopped, match="`existing` names the table orders, and none of that name stands"):
        rig.plan(taking_in())


def closed(rig: Rig, stack: str, region: Region = EAST) -> str:
    """Have a stack's policy deny that anything leaves it; return that policy."""
    deny = {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": "*"}
    allow = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    policy = json.dumps({"Statement": [allow, deny]})
    client = rig.world.session(ACCOUNT).client("cloudformation", region)
    client.set_stack_policy(StackName=stack, StackPolicyBody=policy)
    return policy


def test_a_stack_policy_in_the_way_is_opened_first(deployed: Rig) -> None:
    closed(deployed, "tap-dev-table")
    promote(deployed, WEST)
    assert deployed.plan(request=PlanRequest()).is_empty


def test_a_stack_policy_that_was_opened_is_put_back(rig: Rig) -> None:
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{TOPIC}{REGIONAL}{OUTPUT}")))
    policy = closed(rig, "tap-dev-old")
    plan = rig.plan(taking_in(f"Resources:\n{PLAIN}"))
    opening, closing = plan.policies
    assert denial(opening.policy, "Update:Delete", "Topic", "AWS::SNS::Topic")
    assert not denial(opening.policy, "Update:Delete", "Orders", "AWS::DynamoDB::Table")
    assert opening.opens
    assert not is_open(opening.policy)
    assert same_policy(closing.policy, policy)
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    client = rig.world.session(ACCOUNT).client("cloudformation", EAST)
    assert same_policy(client.get_stack_policy(StackName="tap-dev-old")["StackPolicyBody"], policy)


def test_a_new_stack_has_its_values_before_it_imports(deployed: Rig) -> None:
    """A parameter that came later would be a change of the name that it is in."""
    deployed.promotion = promotion(WEST)
    plan = deployed.plan(system(WEST))
    (created,) = [step for step in plan.steps if step.stack == "us-west-2/table"]
    assert (created.type, created.parameters) == ("CREATE", {"EnvironmentSuffix": "dev"})
    outcomes = deployed.execute(plan)
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    stack = deployed.world.stack("tap-dev-table", region=WEST)
    assert stack.record.deployed.parameters == {"EnvironmentSuffix": "dev"}


def test_what_a_template_says_by_functions_is_not_taken_for_something_lost(rig: Rig) -> None:
    options: dict[str, Any] = {"encryption": {"key": "managed"}, "table": {"point_in_time_recovery": True}}
    rig.deploy(system(EAST, **options))
    rig.promotion = promotion(WEST)
    plan = rig.plan(system(WEST, **options))
    assert not plan.guards
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert rig.plan(system(WEST, **options), PlanRequest()).is_empty
