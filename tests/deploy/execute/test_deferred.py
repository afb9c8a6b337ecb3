from dataclasses import replace

import pytest

from builder.deploy import Cancelled, Done, ReviewRequired, StackFailed, after_review, read_plan, write_plan
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.progress import NotStarted, Started
from builder.errors import Stopped
from builder.terms import Region, Site
from deploy.chained import KEY_TEMPLATE, KEYS, TOPIC_TEMPLATE, TOPICS, chained
from deploy.rig import Rig
from fake_aws import Fault, Killed, World


@pytest.fixture
def chain(rig: Rig) -> Rig:
    rig.deployment = chained()
    return rig


def topic_key(rig: Rig) -> str:
    stack = rig.run(lambda: observe_stack(rig.clients, Site(None, Region("us-west-2")), "tap-dev-topics"))
    assert stack is not None
    return stack.parameters["KeyArn"]


def test_what_takes_an_output_that_is_not_there_yet_is_deferred_with_all_it_may_show(chain: Rig) -> None:
    plan = chain.plan()
    assert [step.stack for step in plan.steps] == [KEYS]
    (deferred,) = plan.deferred
    assert (deferred.stack, deferred.type, deferred.because) == (TOPICS, "CREATE", f"takes an output of {KEYS}")
    assert [(change.action, change.logical_id) for change in deferred.changes] == [("Add", "Topic")]
    assert not chain.world.stack("tap-dev-topics", region="us-west-2").exists
    assert read_plan(write_plan(plan), "plan.json") == plan


@pytest.mark.parametrize(("stage", "added"), [("dev", ["Topic"]), ("prod", ["Topic", "More"])])
def test_what_parameters_leave_out_is_not_among_what_it_may_show(rig: Rig, stage: str, added: list[str]) -> None:
    more = "  More: {Type: AWS::SNS::Topic, Condition: IsProd}\n"
    declared = f"Parameters:\n  Stage: {{Type: String, Default: {stage}}}\n"
    declared = f"Conditions: {{IsProd: !Equals [!Ref Stage, prod]}}\n{declared}"
    rig.deployment = chained(topic=TOPIC_TEMPLATE.replace("Parameters:\n", declared) + more)
    (deferred,) = rig.plan().deferred
    assert [change.logical_id for change in deferred.changes] == added
    rig.deploy()
    assert set(rig.statuses().values()) == {"CREATE_COMPLETE"}


@pytest.mark.parametrize(
    ("transform", "is_told"), [("AWS::Serverless-2016-10-31", True), ("AWS::LanguageExtensions", False)]
)
def test_a_plan_says_that_transforms_add_to_what_is_deferred(rig: Rig, transform: str, *, is_told: bool) -> None:
    rig.deployment = chained(topic=f"Transform: {transform}\n{TOPIC_TEMPLATE}")
    (deferred,) = rig.plan().deferred
    assert deferred.because.startswith(f"takes an output of {KEYS}")
    assert deferred.because.endswith("left for review") is is_told


def test_it_runs_when_its_change_set_shows_just_that(chain: Rig) -> None:
    outcomes = chain.deploy()
    assert [type(outcome) for outcome in outcomes] == [Done, Done]
    assert [event.stack for event in chain.events_of(Started)] == [KEYS, TOPICS]
    assert ":key/" in topic_key(chain)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_reads_that_lag_behind_its_change_set_fail_nothing(seed: int) -> None:
    rig = Rig(World(seed=seed), chained())
    for operation in ("GetTemplate", "DescribeChangeSet"):
        rig.world.faults.add(Fault.STALE, operation=operation, probability=0.5)
    rig.world.faults.max_age_s = 6
    assert [type(outcome) for outcome in rig.deploy()] == [Done, Done]


def test_an_unchanged_source_is_bound_at_once(chain: Rig) -> None:
    chain.deploy()
    assert chain.plan().is_empty
    plan = chain.plan(chained(topic=TOPIC_TEMPLATE.replace("one", "two")))
    assert [step.stack for step in plan.steps] == [TOPICS]
    assert plan.deferred == ()


def test_a_source_that_is_updated_defers_the_other_which_then_has_nothing_to_change(chain: Rig) -> None:
    chain.deploy()
    plan = chain.plan(chained(key=KEY_TEMPLATE.replace("one", "two")))
    (deferred,) = plan.deferred
    assert deferred.changes == ()
    assert [outcome.stack for outcome in chain.execute(plan) if outcome == Done(outcome.stack, "unchanged")] == [TOPICS]


def test_one_that_shows_more_is_left_for_review_and_then_runs_as_an_ordinary_step(chain: Rig) -> None:
    chain.deploy()
    # A new key under another name: the output changes, and with it the topic that nobody said would change.
    other_key = KEY_TEMPLATE.replace("  Key:", "  Other:").replace("Key.Arn", "Other.Arn")
    plan = chain.plan(chained(key=other_key))
    allow = {f"{KEYS}/Key"}
    outcomes = chain.execute(plan, allow=allow)
    (deviated,) = [outcome for outcome in outcomes if isinstance(outcome, ReviewRequired)]
    assert (deviated.stack, deviated.beyond) == (TOPICS, ("Modify Topic (AWS::SNS::Topic)",))
    assert [(event.stack, event.because) for event in chain.events_of(NotStarted)] == [
        (TOPICS, "its change set waits for review")
    ]
    reviewed = read_plan(write_plan(after_review(plan, outcomes)), "plan.json")
    assert (len(reviewed.steps), reviewed.deferred) == (2, ())
    before = topic_key(chain)
    assert [type(outcome) for outcome in chain.execute(reviewed, allow=allow)] == [Done, Done]
    assert topic_key(chain) != before


def test_a_guarded_change_stops_the_execution_whatever_the_plan_s_file_says(chain: Rig) -> None:
    store = "  Store: {Type: AWS::S3::Bucket, DeletionPolicy: Delete, UpdateReplacePolicy: Delete}\n"
    chain.deploy(chained(topic=TOPIC_TEMPLATE + store))
    plan = chain.plan(chained(key=KEY_TEMPLATE.replace("one", "two")))
    assert {hit.allow for hit in plan.guards} == {f"{TOPICS}/Store"}
    with pytest.raises(Stopped, match=f"{TOPICS}/Store"):
        chain.execute(plan)
    harmless = tuple(replace(step, changes=()) for step in plan.deferred)
    with pytest.raises(Stopped, match=f"{TOPICS}/Store: AWS::S3::Bucket is deleted"):
        chain.execute(replace(plan, guards=(), deferred=harmless))
    assert all(isinstance(outcome, Done) for outcome in chain.deploy(allow={f"{TOPICS}/Store"}))


def test_what_it_needs_and_did_not_get_leaves_it_unmade(chain: Rig) -> None:
    chain.world.script.fails("CREATE", "Key", reason="LimitExceeded")
    outcomes = {outcome.stack: outcome for outcome in chain.deploy()}
    assert isinstance(outcomes[KEYS], StackFailed)
    assert isinstance(outcomes[TOPICS], Cancelled)
    assert chain.operations("CreateChangeSet") == 1


def test_an_output_that_is_not_there_is_named(chain: Rig) -> None:
    outcomes = {
        outcome.stack: outcome for outcome in chain.deploy(chained(key=KEY_TEMPLATE.replace("KeyArn:", "Arn:")))
    }
    broke = outcomes[TOPICS]
    assert isinstance(broke, StackFailed)
    assert broke.reason == f"parameter KeyArn is the output KeyArn of {KEYS}, which has none of that name"


@pytest.mark.parametrize("operation", ["CreateChangeSet", "ExecuteChangeSet"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_after_a_crash_the_same_plan_takes_up_what_it_made(chain: Rig, operation: str, when: str) -> None:
    plan = chain.plan()
    fault = Fault.KILL_BEFORE if when == "before" else Fault.KILL_AFTER
    chain.world.faults.add(fault, operation=operation, region="us-west-2")
    with pytest.raises(Killed):
        chain.execute(plan)
    chain.world.faults.revive()
    chain.world.faults.clear()
    assert [type(outcome) for outcome in chain.execute(plan)] == [Done, Done]
    executed = [call for call in chain.world.calls if call.operation == "ExecuteChangeSet" and call.outcome == "ok"]
    assert len(executed) == 2
