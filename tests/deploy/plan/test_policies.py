"""Stack policies: set after the change sets, replaced where that is allowed by name, and never in their way unsaid."""

import functools
import json
from dataclasses import replace
from typing import Any

import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Done, ReviewRequired, read_plan, write_plan
from builder.deploy.plan.policies import denials
from builder.deploy.progress import Started
from builder.deploy.records import Plan, ResourceChange
from builder.errors import BadInput, Stopped
from builder.report import as_json, html, markdown, text
from builder.template import OPEN_POLICY, canonical_policy
from deploy.chained import KEY_TEMPLATE, KEYS, TOPIC_TEMPLATE, TOPICS, chained, make_deployment, make_stack
from deploy.rig import ACCOUNT, Rig, changed
from fake_aws import Fault

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def policy(*denied: str, action: str = "Update:*") -> str:
    denials = [
        {**ALLOW, "Effect": "Deny", "Action": action, "Resource": f"LogicalResourceId/{name}"} for name in denied
    ]
    return canonical_policy(json.dumps({"Statement": [ALLOW, *denials]}))


NAME = "tap-dev-keys"
ALLOWED = f"{KEYS}/StackPolicy"
STRICT, OTHER = policy("Key"), policy("Key", action="Update:Replace")
PLAIN = make_deployment(make_stack(KEYS, KEY_TEMPLATE))
EDITED = make_deployment(make_stack(KEYS, KEY_TEMPLATE.replace("Description: one", "Description: two")))


def with_policy(text: str, deployment: Deployment = PLAIN) -> Deployment:
    """The deployment, another one for its assembly's digest too."""
    return replace(changed(deployment, KEYS, stack_policy=text), digest=f"{deployment.digest[:40]}{hash(text):x}")


@functools.cache
def _deployed(text: str | None) -> Rig:
    rig = Rig()
    rig.deploy(with_policy(text) if text else PLAIN)
    return rig


def have_deployed(rig: Rig, text: str | None = None) -> None:
    """Have the stack stand, with this policy: it is deployed once, and its world copied."""
    before = _deployed(text)
    rig.world, rig.plans, rig.planned = before.world.copied(), before.plans, dict(before.planned)
    rig.world.calls.clear()
    rig.clients = Clients(rig.world.session(ACCOUNT))


def policy_of(rig: Rig) -> str | None:
    return rig.world.stack(NAME).record.policy


def set_by_hand(rig: Rig, text: str) -> None:
    rig.clients.cloudformation(PLAIN.stacks[0].region).set_stack_policy(StackName=NAME, StackPolicyBody=text)
    rig.world.calls.clear()


@pytest.mark.slow
def test_a_new_stack_has_its_policy_right_after_its_creation(rig: Rig) -> None:
    plan = rig.plan(with_policy(STRICT))
    assert [(step.stack, step.policy, step.standing) for step in plan.policies] == [(KEYS, STRICT, None)]
    assert (len(plan.steps), plan.guards) == (1, ())
    assert read_plan(write_plan(plan), "plan.json") == plan
    assert rig.execute(plan) == (Done(KEYS, "policy set"),)
    assert [started.what for started in rig.events_of(Started)] == ["CREATE", "SET POLICY"]
    assert policy_of(rig) == STRICT
    assert rig.plan(with_policy(STRICT)).is_empty
    assert rig.execute(plan) == (Done(KEYS, "executed before"),)


def test_no_policy_is_asked_for_where_none_is_said(rig: Rig) -> None:
    have_deployed(rig, STRICT)
    rig.world.calls.clear()
    assert rig.plan(PLAIN).is_empty
    assert rig.operations("GetStackPolicy") == 0
    assert policy_of(rig) == STRICT


def test_a_policy_that_aws_shows_in_another_form_is_the_same(rig: Rig) -> None:
    have_deployed(rig)
    set_by_hand(rig, json.dumps(json.loads(STRICT), indent=3))
    assert rig.plan(with_policy(STRICT)).is_empty
    assert rig.operations("GetStackPolicy") == 1


def test_where_it_is_all_that_differs_it_is_the_plan(rig: Rig) -> None:
    have_deployed(rig)
    plan = rig.plan(with_policy(STRICT))
    assert (plan.steps, plan.deferred, plan.unchanged, plan.guards) == ((), (), (), ())
    rig.world.calls.clear()
    assert rig.execute(plan) == (Done(KEYS, "policy set"),)
    assert (rig.operations("ExecuteChangeSet"), policy_of(rig)) == (0, STRICT)


def test_a_policy_that_stands_is_replaced_only_where_that_is_allowed(rig: Rig) -> None:
    have_deployed(rig, STRICT)
    plan = rig.plan(with_policy(OTHER))
    assert [(hit.allow, hit.stack) for hit in plan.guards] == [(ALLOWED, KEYS)]
    with pytest.raises(Stopped, match=ALLOWED):
        rig.execute(plan)
    assert policy_of(rig) == STRICT
    assert rig.execute(plan, allow=[ALLOWED]) == (Done(KEYS, "policy set"),)
    assert policy_of(rig) == OTHER


def test_one_that_denies_nothing_is_replaced_without_asking(rig: Rig) -> None:
    have_deployed(rig, OPEN_POLICY)
    assert {type(outcome) for outcome in rig.deploy(with_policy(STRICT))} == {Done}
    assert policy_of(rig) == STRICT


def test_a_policy_comes_after_the_change_set_that_it_denies(rig: Rig) -> None:
    have_deployed(rig)
    assert {type(outcome) for outcome in rig.deploy(with_policy(STRICT, EDITED))} == {Done}
    record = rig.world.stack(NAME).record
    assert (record.status, record.policy) == ("UPDATE_COMPLETE", STRICT)


@pytest.mark.slow
def test_what_the_policy_that_stands_denies_is_said_before_anything_runs(rig: Rig) -> None:
    have_deployed(rig, STRICT)
    rig.world.calls.clear()
    with pytest.raises(Stopped) as caught:
        rig.plan(with_policy(STRICT, EDITED))
    assert "Update:Modify of Key (AWS::KMS::Key): statement 2 denies it" in caught.value.what
    assert f"set-stack-policy --region us-east-1 --stack-name {NAME}" in caught.value.next_step
    assert OPEN_POLICY in caught.value.next_step
    assert rig.operations("ExecuteChangeSet") == 0
    assert rig.operations("DeleteChangeSet") == 1
    # And what is to be done then does it, without anything to allow.
    set_by_hand(rig, OPEN_POLICY)
    assert {type(outcome) for outcome in rig.deploy(with_policy(STRICT, EDITED))} == {Done}
    assert (rig.world.stack(NAME).status, policy_of(rig)) == ("UPDATE_COMPLETE", STRICT)


def test_a_policy_that_was_set_since_stops_a_saved_plan(rig: Rig) -> None:
    have_deployed(rig)
    plan = rig.plan(with_policy(STRICT, EDITED))
    set_by_hand(rig, STRICT)
    with pytest.raises(Stopped, match="statement 2 denies it"):
        rig.execute(plan)
    set_by_hand(rig, OTHER)
    with pytest.raises(Stopped, match="neither the one that the plan replaces, nor the one that it sets"):
        rig.execute(plan)
    assert rig.operations("ExecuteChangeSet") == 0


def test_a_plan_s_file_cannot_say_that_no_policy_stands(rig: Rig) -> None:
    have_deployed(rig, STRICT)
    plan = rig.plan(with_policy(OTHER))
    forged = replace(plan, policies=(replace(plan.policies[0], standing=None),), guards=())
    with pytest.raises(Stopped, match="not as it was planned for"):
        rig.execute(forged)
    assert policy_of(rig) == STRICT


def test_nor_another_policy_than_the_assembly_s(rig: Rig) -> None:
    plan = rig.plan(with_policy(STRICT))
    for tampered, message in (
        (replace(plan, policies=(replace(plan.policies[0], policy=OPEN_POLICY),)), "not what the assembly says"),
        (replace(plan, policies=plan.policies * 2), "given a policy 2 times"),
    ):
        with pytest.raises(BadInput, match=message):
            rig.execute(tampered)


@pytest.mark.slow
def test_a_deferred_change_set_that_is_denied_is_left_for_review(rig: Rig) -> None:
    denied = policy("Topic")
    rig.deploy(changed(chained(), TOPICS, stack_policy=denied))
    other = chained(KEY_TEMPLATE.replace("Description: one", "Description: two"), TOPIC_TEMPLATE.replace("one", "two"))
    plan = rig.plan(changed(other, TOPICS, stack_policy=denied))
    later = next(step for step in plan.deferred if step.stack == TOPICS)
    assert any("if it changes that, the stack policy denies Update:Modify of Topic" in line for line in later.findings)
    ended = {outcome.stack: outcome for outcome in rig.execute(plan)}
    review = ended[TOPICS]
    assert isinstance(review, ReviewRequired)
    assert "the stack policy denies Update:Modify of Topic (AWS::SNS::Topic): statement 2 denies it" in review.beyond


def change(**fields: Any) -> ResourceChange:
    shown: dict[str, Any] = {"action": "Modify", "logical_id": "Key", "type": "AWS::KMS::Key", "replacement": "False"}
    return ResourceChange(**{**shown, **fields})


NESTED = {"type": "AWS::CloudFormation::Stack", "logical_id": "Key"}
CHANGES: dict[str, tuple[tuple[ResourceChange, ...], list[str]]] = {
    "modified": ((change(),), ["Update:Modify"]),
    "replaced": ((change(replacement="True"),), ["Update:Replace"]),
    "removed": ((change(action="Remove", replacement=None),), ["Update:Delete"]),
    "perhaps replaced": ((change(replacement="Conditional"),), ["Update:Modify"]),
    "created": ((change(action="Add"),), []),
    "imported": ((change(action="Import"),), []),
    "in a nested stack": ((change(logical_id="Child/Key"),), []),
    "its metadata alone": ((change(scope=("Metadata",)),), []),
    "its tags": ((change(scope=("Tags",)),), ["Update:Modify"]),
    "a nested stack that is only listed": ((change(**NESTED),), []),
    "a nested stack with changes": ((change(**NESTED), change(logical_id="Key/Inner")), ["Update:Modify"]),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_policy_is_asked_about_what_an_update_does_to_what_stands(kind: str) -> None:
    changes, actions = CHANGES[kind]
    assert [line.partition(" ")[0] for line in denials(changes, STRICT)] == actions
    assert denials(changes, None) == denials(changes, OPEN_POLICY) == ()


def test_perhaps_replaced_is_denied_only_where_both_are() -> None:
    assert denials([change(replacement="Conditional")], OTHER) == ()


@pytest.mark.parametrize("operation", ["GetStackPolicy", "SetStackPolicy"])
@pytest.mark.parametrize(
    "fault", [Fault.THROTTLE, Fault.SERVER_ERROR, Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.READ_TIMEOUT]
)
def test_a_call_that_fails_once_is_made_again(rig: Rig, operation: str, fault: Fault) -> None:
    have_deployed(rig)
    rule = rig.world.faults.add(fault, operation=operation, nth=1)
    assert {type(outcome) for outcome in rig.deploy(with_policy(STRICT))} == {Done}
    assert (rule.struck, policy_of(rig)) == (1, STRICT)


def test_a_read_that_lags_behind_plans_nothing_twice(rig: Rig) -> None:
    rig.deploy(with_policy(STRICT))
    rig.world.faults.add(Fault.STALE, operation="GetStackPolicy", nth=1)
    assert rig.plan(with_policy(STRICT)).is_empty


def test_somebody_else_s_later_policy_is_seen(rig: Rig) -> None:
    rig.deploy(with_policy(STRICT))
    set_by_hand(rig, OTHER)
    assert [step.standing for step in rig.plan(with_policy(STRICT)).policies] == [OTHER]


def pages(plan: Plan) -> tuple[str, ...]:
    return (text.plan_text(plan).plain, html.plan_page(plan, "plan.json"), markdown.plan_markdown(plan, "plan.json"))


def test_every_report_shows_the_old_and_the_new(rig: Rig) -> None:
    assert all(
        "StackPolicy" in page and "LogicalResourceId/Key" in page for page in pages(rig.plan(with_policy(STRICT)))
    )
    have_deployed(rig, STRICT)
    plan = rig.plan(with_policy(OTHER))
    for page in pages(plan):
        assert "Statement[1].Action" in page
        assert not any(same in page for same in ("Statement[0]", "Statement[1].Resource"))
        assert ("Update:*" in page, "Update:Replace" in page) == (True, True)
        assert ALLOWED in page
    assert "1 to update" in text.plan_text(plan).plain
    assert "only its outputs change" not in text.plan_text(plan).plain
    line = json.loads(as_json.made(plan, rig.world.datetime()))
    assert (line["policies"], line["allow"]) == ({KEYS: OTHER}, [ALLOWED])


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("protect", [None, True])
def test_a_stack_is_one_entry_whatever_is_set_on_it(rig: Rig, *, exists: bool, protect: bool | None) -> None:
    if exists:
        have_deployed(rig)
    both = changed(with_policy(STRICT), KEYS, termination_protection=protect)
    shown = text.plan_text(rig.plan(both)).plain
    assert shown.count(f"({NAME})") == 1
    assert shown.count("its termination protection is set") == (protect is True)
