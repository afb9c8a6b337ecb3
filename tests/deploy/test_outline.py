import pytest

from builder.deploy import Done, Options, Wish
from builder.deploy.template import properties_of, read_template, resources_of
from builder.terms import StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import Rig
from deploy.test_guards import BESIDE, GLOBAL_TABLE

STACK = StackId("us-east-1/data")
MORE = "        - {Region: us-west-2}\n        - {Region: eu-west-1}\n        - {Region: eu-central-1}\n"
FOUR = GLOBAL_TABLE.replace("        - {Region: us-west-2}\n", MORE)


@pytest.fixture
def two(rig: Rig) -> Rig:
    """A rig with a global table in two regions."""
    rig.deploy(make_deployment(make_stack(STACK, BESIDE + GLOBAL_TABLE)))
    rig.world.calls.clear()
    return rig


def regions(template: str) -> list[str]:
    table = resources_of(read_template(template))["Data"]
    return [replica["Region"] for replica in properties_of(table)["Replicas"]]


def test_replicas_are_planned_one_at_a_time_the_first_now_and_the_others_later(two: Rig) -> None:
    plan = two.plan(make_deployment(make_stack(STACK, BESIDE + FOUR)))
    (step,) = plan.steps
    (deferred,) = plan.deferred
    assert (step.part, deferred.part, deferred.type) == (1, 2, "UPDATE")
    assert regions(deferred.desired.template) == ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1"]
    assert [(one.logical_id, [p.path for p in one.properties]) for one in deferred.changes] == [
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
    assert [change.logical_id for change in step.changes] == ["Data"]
    assert [(one.action, one.logical_id) for one in plan.deferred[0].changes] == [("Add", "More")]
    assert all(isinstance(outcome, Done) for outcome in two.execute(plan))


def test_what_was_changed_by_hand_is_put_right_where_that_is_wished_for(rig: Rig) -> None:
    topic = make_deployment(
        make_stack(STACK, "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: one}}\n")
    )
    wish = Wish(options=Options(deployment_mode="REVERT_DRIFT"))
    rig.deploy(topic)
    assert rig.plan(topic, wish).is_empty
    rig.world.stack("tap-dev-data").drifts("Topic", DisplayName="by hand")
    assert rig.plan(topic).is_empty
    plan = rig.plan(topic, wish)
    assert [change.logical_id for change in plan.steps[0].changes] == ["Topic"]
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan))
    assert rig.plan(topic, wish).is_empty
