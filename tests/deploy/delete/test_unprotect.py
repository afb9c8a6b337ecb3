"""What protects a deployment is read before anything of it goes, and lifted in order where somebody says so."""

from dataclasses import replace

import pytest

from builder.deploy import Deployment, Done, PlanRequest, StackFailed
from builder.deploy.progress import Started
from builder.errors import BadInput, Several, Stopped
from builder.terms import Region
from deploy.chained import KEY_TEMPLATE, KEYS, make_deployment, make_stack
from deploy.protected import BUCKET, KEPT_NAMES, STORAGE, STORAGE_TEMPLATE, TABLE, kept, protected
from deploy.rig import ACCOUNT, Rig, edited
from fake_aws import Fault

EAST, WEST = Region("us-east-1"), Region("us-west-2")
TABLE_KEY = (ACCOUNT, "tap-dev-global")


def deployed(rig: Rig, deployment: Deployment) -> Rig:
    rig.deployment = deployment
    assert {type(outcome) for outcome in rig.deploy()} == {Done}
    rig.clients.s3(WEST).put_object(Bucket=BUCKET, Key="kept", Body=b"x")
    rig.world.calls.clear()
    rig.events.clear()
    return rig


@pytest.fixture
def guarded(rig: Rig) -> Rig:
    return deployed(rig, protected())


@pytest.fixture
def keeping(rig: Rig) -> Rig:
    return deployed(rig, kept())


def mutating(rig: Rig) -> list[str]:
    return [call.operation for call in rig.world.calls if call.mutating]


def test_every_protection_is_told_before_anything_is_touched(guarded: Rig) -> None:
    with pytest.raises(Stopped) as caught:
        guarded.destroy()
    what = caught.value.what
    for name in ("StackPolicy", "Table/DeletionProtection", "TerminationProtection"):
        assert f"\n  us-east-1/table/{name}: " in what
    assert "\n  us-west-2/logs/TerminationProtection: " in what
    assert [f"has deletion protection in {region}" in what for region in (EAST, WEST)] == [True, True]
    assert "--unprotect" in caught.value.next_step
    assert mutating(guarded) == []
    assert guarded.world.buckets[BUCKET].versions


@pytest.mark.slow
def test_all_are_lifted_where_that_is_said_the_stack_s_own_last(guarded: Rig) -> None:
    assert {type(outcome) for outcome in guarded.destroy(unprotect=True)} == {Done}
    assert (guarded.world.tables, guarded.world.buckets) == ({}, {})
    started = [event.what for event in guarded.events_of(Started) if event.stack == TABLE]
    assert started == [
        "LIFT POLICY",
        "LIFT DELETION PROTECTION in us-west-2",
        "LIFT DELETION PROTECTION in us-east-1",
        "LIFT PROTECTION",
        "DELETE",
    ]


@pytest.mark.slow
def test_what_is_named_is_lifted_and_nothing_else(guarded: Rig) -> None:
    named = ["us-east-1/table/*", "us-west-2/logs/TerminationProtection"]
    with pytest.raises(Stopped, match="DeletionProtection"):
        guarded.destroy(named)
    assert mutating(guarded) == []
    ended = guarded.destroy([*named, "us-east-1/table/Table/DeletionProtection"])
    assert {type(outcome) for outcome in ended} == {Done}


def test_a_policy_that_denies_nothing_protects_nothing(rig: Rig) -> None:
    bare = replace(protected().stacks[0], termination_protection=None, stack_policy=None)
    template = bare.template.replace("true", "false")
    rig.deployment = make_deployment(replace(bare, template=template))
    rig.deploy()
    open_policy = '{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}'
    rig.clients.cloudformation(EAST).set_stack_policy(StackName="tap-dev-table", StackPolicyBody=open_policy)
    assert {type(outcome) for outcome in rig.destroy()} == {Done}


def test_a_replica_that_is_protected_by_itself_is_found_in_its_own_region(guarded: Rig) -> None:
    guarded.clients.dynamodb(EAST).update_table(TableName="tap-dev-global", DeletionProtectionEnabled=False)
    with pytest.raises(Stopped) as caught:
        guarded.destroy()
    assert [f"has deletion protection in {region}" in caught.value.what for region in (EAST, WEST)] == [False, True]


LOCKED = STORAGE_TEMPLATE.replace("VersioningConfiguration:", "ObjectLockEnabled: true, VersioningConfiguration:")


def locked() -> Deployment:
    stack = protected().stacks[1]
    template = LOCKED % "DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete"
    return make_deployment(replace(stack, template=template, needs=()))


def test_object_lock_is_told_and_nothing_lifts_it(rig: Rig) -> None:
    deployed(rig, locked())
    with pytest.raises(Stopped, match="object lock and versions in it, and nothing lifts that"):
        rig.destroy(unprotect=True)
    assert mutating(rig) == []
    name = "us-west-2/storage/Bucket/ObjectLock"
    rig.world.undeletable_objects.add((BUCKET, "kept"))
    rig.world.undeletable_because = "Access Denied because object protected by object lock."
    (outcome,) = rig.destroy([name])
    assert isinstance(outcome, StackFailed)
    assert "wait for its retention" in outcome.next_step
    rig.world.undeletable_objects.clear()
    assert {type(outcome) for outcome in rig.destroy([name])} == {Done}


def test_a_bucket_with_object_lock_and_nothing_in_it_goes_as_any_other(rig: Rig) -> None:
    deployed(rig, locked())
    rig.world.buckets[BUCKET].versions.clear()
    assert {type(outcome) for outcome in rig.destroy()} == {Done}


@pytest.mark.slow
def test_what_a_component_keeps_stays_with_its_protection_and_all_that_is_in_it(keeping: Rig) -> None:
    with pytest.raises(Stopped) as caught:
        keeping.destroy()
    assert "DeletionProtection" not in caught.value.what
    assert {type(outcome) for outcome in keeping.destroy(unprotect=True)} == {Done}
    assert sorted(keeping.world.tables[TABLE_KEY].replicas) == [EAST, WEST]
    assert keeping.world.tables[TABLE_KEY].replicas[WEST].deletion_protection
    assert keeping.world.buckets[BUCKET].versions
    assert keeping.operations("UpdateTable") == 0


@pytest.mark.slow
def test_what_is_named_goes_before_its_stack(keeping: Rig) -> None:
    assert {type(outcome) for outcome in keeping.destroy(unprotect=True, names=KEPT_NAMES)} == {Done}
    assert (keeping.world.tables, keeping.world.buckets, keeping.world.names) == ({}, {}, set())
    order = [(event.stack, event.what) for event in keeping.events_of(Started)]
    assert order.index((TABLE, "DELETE tap-dev-global")) < order.index((TABLE, "DELETE"))
    assert order.index((STORAGE, f"DELETE {BUCKET}")) < order.index((STORAGE, "DELETE"))


def test_data_that_is_named_needs_its_protection_lifted_like_any_other(keeping: Rig) -> None:
    with pytest.raises(Stopped, match="Table/DeletionProtection: "):
        keeping.destroy(names=["tap-dev-global"])
    assert mutating(keeping) == []


def test_a_name_that_no_stack_lists_is_told(keeping: Rig) -> None:
    with pytest.raises(BadInput, match=r"did you mean tap-dev-global\?"):
        keeping.destroy(unprotect=True, names=["tap-dev-globl"])


@pytest.mark.slow
def test_named_again_what_is_gone_is_no_mistake(keeping: Rig) -> None:
    keeping.world.faults.add(Fault.DENIED, operation="DeleteLogGroup", nth=1)
    assert StackFailed in {type(outcome) for outcome in keeping.destroy(unprotect=True, names=KEPT_NAMES)}
    assert BUCKET not in keeping.world.buckets
    assert {type(outcome) for outcome in keeping.destroy(unprotect=True, names=KEPT_NAMES)} == {Done}
    assert keeping.world.names == set()


def test_data_that_another_region_s_stack_holds_too_stays(keeping: Rig) -> None:
    """As after a promotion: the table was taken over by a stack in the other region."""
    world = keeping.world
    other = world.stack("tap-dev-promoted", region=WEST)
    other.deploy(tags={"builder:deployment": "tap-dev"}).deployed.processed = keeping.stack(TABLE).template
    table = world.stack("tap-dev-table").record.resources["Table"]
    other.record.resources["Table"] = replace(table)
    with pytest.raises(Several, match="tap-dev-global is also in us-west-2/tap-dev-promoted"):
        keeping.destroy(unprotect=True, names=["tap-dev-global"])
    assert mutating(keeping) == []


def test_a_plan_that_deletes_a_stack_stops_at_protected_data_and_says_what_lifts_it(guarded: Rig) -> None:
    guarded.deployment = make_deployment(make_stack(KEYS, KEY_TEMPLATE))
    guarded.deploy()
    plan = guarded.plan(request=PlanRequest(remove_orphans=True))
    ended = guarded.execute(plan, [hit.allow for hit in plan.guards])
    (outcome,) = (outcome for outcome in ended if outcome.stack == "us-east-1/tap-dev-table")
    assert isinstance(outcome, StackFailed)
    assert "tap-dev-global has deletion protection in us-east-1" in outcome.reason
    assert outcome.next_step.startswith("aws dynamodb update-table --region us-east-1 --table-name tap-dev-global ")
    assert sorted(guarded.world.tables[TABLE_KEY].replicas) == [EAST, WEST]


@pytest.mark.parametrize("shown", [True, False])
def test_data_that_stays_no_longer_has_to_be_allowed_whether_or_not_a_change_set_shows_it(
    keeping: Rig, *, shown: bool
) -> None:
    """By one whose only change it is, as by one that changes something else of the resource too."""
    keeping.world.quirks.policy_changes_are_shown = shown
    deployment = keeping.deployment
    for stack in deployment.stacks:
        deployment = edited(deployment, stack.id, "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete")
    deployment = edited(deployment, STORAGE, "Status: Enabled", "Status: Suspended")
    plan = keeping.plan(deployment)
    names = ["us-east-1/table/Table", "us-west-2/storage/Bucket", "us-west-2/logs/Group"]
    assert sorted({hit.allow for hit in plan.guards}) == sorted(names)
    assert all("its DeletionPolicy RetainExceptOnCreate, which becomes Delete" in hit.why for hit in plan.guards)
    with pytest.raises(Stopped, match="DeletionPolicy"):
        keeping.execute(plan)
    assert {type(outcome) for outcome in keeping.execute(plan, names)} == {Done}
    bucket = keeping.world.stack("tap-dev-storage", region=WEST).record.resources["Bucket"]
    assert bucket.declared["DeletionPolicy"] == "Delete"
