"""What a stack releases on its way to another, whatever stacks are called, and whatever has happened in between."""

from dataclasses import replace
from typing import Any

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import (
    Deployment,
    Done,
    Outcome,
    Plan,
    PlanId,
    PlanOptions,
    PlanRequest,
    Promotion,
    execute_unreviewed,
    make_partial_plan,
    read_plan,
    write_plan,
)
from builder.deploy import make_deployment as bind
from builder.deploy.desired import DesiredStack, narrow
from builder.deploy.plan.saved import narrowed
from builder.errors import BadInput, BuilderError, Stopped
from builder.terms import LogicalId, Region, StackId, StackName
from deploy.chained import make_deployment, make_stack
from deploy.handovers.test_handovers import (
    EAST,
    GLOBAL,
    NEW,
    OLD,
    OUTPUT,
    REGIONAL,
    TOPIC,
    WEST,
    closed,
    promotion,
    system,
    table_of,
    taking_in,
)
from deploy.rig import ACCOUNT, Rig
from loaded_config import make_loaded_config

pytestmark = pytest.mark.slow  # whole deployments, one after the other
TAKEN = replace(make_stack(NEW, f"Resources:\n{GLOBAL}"), existing=(LogicalId("Table"),))


def items(rig: Rig, region: Region = EAST) -> list[str]:
    client = rig.world.session(ACCOUNT).client("dynamodb", region)
    return [item["id"]["S"] for item in client.scan(TableName="orders")["Items"]]


def with_an_item(rig: Rig) -> Rig:
    rig.world.session(ACCOUNT).client("dynamodb", EAST).put_item(TableName="orders", Item={"id": {"S": "one"}})
    return rig


def refused(rig: Rig, deployment: Deployment | None = None) -> Stopped:
    before = rig.operations("CreateChangeSet")
    with pytest.raises(Stopped) as caught:
        rig.plan(deployment)
    assert rig.operations("CreateChangeSet") == before
    return caught.value


def all_done(rig: Rig, plan: Plan) -> bool:
    return all(isinstance(outcome, Done) for outcome in rig.execute(plan))


@pytest.mark.parametrize(
    ("had", "name"),
    [("us-east-1/old", "old"), ("us-east-1/orders", "tap-dev-older"), ("", "tap-dev-older")],
    ids=["its own name", "that of the stack that takes it in", "none"],
)
def test_a_stack_releases_its_data_before_it_is_deleted_whatever_id_it_had(rig: Rig, had: str, name: str) -> None:
    before = replace(make_stack(StackId(had or "us-east-1/any"), f"Resources:\n{REGIONAL}"), name=StackName(name))
    before = replace(before, tags={tag: value for tag, value in before.tags.items() if had or "stack" not in tag})
    rig.deploy(make_deployment(before))
    with_an_item(rig)

    plan = rig.plan(make_deployment(TAKEN))

    (releasing,) = {step.stack for step in plan.change_sets if step.name == name}
    (deletion,) = plan.deletions
    assert len({releasing, deletion.stack, NEW}) == 3
    assert releasing in deletion.needs
    assert plan.guards == ()
    assert all_done(rig, plan)
    assert (items(rig), table_of(rig, "tap-dev-orders")) == (["one"], {"AWS::DynamoDB::GlobalTable"})
    assert rig.plan(make_deployment(TAKEN)).is_empty


def test_a_stack_is_not_deleted_with_data_that_its_plan_does_not_show(rig: Rig) -> None:
    with_table = make_deployment(
        make_stack(OLD, f"Resources:\n{REGIONAL}"), make_stack(NEW, f"Resources:\n{TOPIC_ALONE}")
    )
    rig.deploy(with_table)
    with_an_item(rig)
    left = make_deployment(make_stack(NEW, f"Resources:\n{TOPIC_ALONE}"))
    plan = rig.plan(left, PlanRequest(remove_orphans=True))
    plan = replace(plan, deletions=tuple(replace(deletion, resources=()) for deletion in plan.deletions), guards=())

    (outcome,) = rig.watched(lambda emit: execute_unreviewed(plan, left, rig.clients, emit))

    assert "Orders (AWS::DynamoDB::Table)" in str(outcome)
    assert items(rig) == ["one"]


TOPIC_ALONE = "  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: 'of none'}}\n"


@pytest.mark.parametrize("kind", ["AWS::SNS::Topic", "AWS::CloudFormation::WaitConditionHandle"])
def test_an_empty_stack_goes_unasked_only_where_nothing_but_the_placeholder_is_in_it(rig: Rig, kind: str) -> None:
    new = make_stack(NEW, f"Resources:\n{TOPIC_ALONE}")
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n  Placeholder: {{Type: {kind}}}\n"), new))
    deletions = rig.plan(make_deployment(new)).deletions
    assert bool(deletions) is (kind != "AWS::SNS::Topic")


@pytest.fixture
def deployed(rig: Rig) -> Rig:
    rig.deployment = system(EAST)
    rig.deploy()
    return rig


def test_a_promotion_the_other_way_moves_nothing(deployed: Rig) -> None:
    deployed.promotion = promotion(EAST)
    assert "builder promote us-west-2" in refused(deployed, system(WEST)).next_step


def test_a_promotion_excuses_no_import_but_its_own(deployed: Rig) -> None:
    deployed.world.session(ACCOUNT).client("dynamodb", EAST).create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    deployed.world.settle()
    deployed.promotion = promotion(WEST)
    deployment = system(WEST)
    plan = deployed.plan(replace(deployment, stacks=(*deployment.stacks, TAKEN)))
    assert [hit.allow for hit in plan.guards] == ["us-east-1/orders/Table"]


def test_a_promotion_deletes_no_stack_of_a_region_that_is_no_part_of_it(deployed: Rig) -> None:
    left_alone = make_stack(StackId("eu-west-1/service"), f"Resources:\n{TOPIC_ALONE}")
    deployed.deploy(replace(system(EAST), stacks=(*system(EAST).stacks, left_alone)))
    deployment = replace(system(WEST), empty_regions=(Region("eu-west-1"),))
    deployed.promotion = promotion(WEST)
    plan = deployed.plan(deployment)
    assert [orphan.stack for orphan in plan.orphans] == ["eu-west-1/tap-dev-service"]
    assert [deletion.stack for deletion in plan.deletions] == ["us-east-1/tap-dev-table"]


@pytest.mark.parametrize("decided", [None, promotion(WEST)], ids=["swapped", "promoted"])
def test_a_table_without_a_replica_in_the_new_primary_region_stays_where_it_is(
    deployed: Rig, decided: Promotion | None
) -> None:
    client = deployed.world.session(ACCOUNT).client("dynamodb", EAST)
    client.update_table(TableName="tap-dev-global", ReplicaUpdates=[{"Delete": {"RegionName": WEST}}])
    deployed.world.settle()
    deployed.promotion = decided
    refusal = refused(deployed, system(WEST))
    assert "the table tap-dev-global stands in us-east-1, and not in us-west-2" in refusal.what


def test_a_table_that_stands_in_another_region_is_not_to_be_created(rig: Rig) -> None:
    rig.world.session(ACCOUNT).client("dynamodb", WEST).create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    rig.world.settle()
    both = GLOBAL.replace("[{Region: us-east-1}]", "[{Region: us-east-1}, {Region: us-west-2}]")
    beside = make_stack(StackId("us-west-2/topic"), f"Resources:\n{TOPIC_ALONE}")
    new = make_stack(NEW, f"Resources:\n{both}")
    for stacks in ((new, beside), (replace(new, existing=(LogicalId("Table"),)),)):
        assert "stands in us-west-2, and not in us-east-1" in refused(rig, make_deployment(*stacks)).what


def test_after_a_release_that_was_rolled_back_the_next_plan_goes_on(deployed: Rig) -> None:
    deployed.promotion = promotion(WEST)
    plan = deployed.plan(system(WEST))
    closed(deployed, "tap-dev-table")
    assert not all_done(deployed, plan)
    assert deployed.world.stack("tap-dev-table").status == "UPDATE_ROLLBACK_COMPLETE"
    assert "?" in deployed.world.stack("tap-dev-table").record.deployed.body
    assert all_done(deployed, deployed.plan(system(WEST)))
    assert deployed.plan(system(WEST), PlanRequest()).is_empty


def test_of_an_owner_whose_deletion_has_failed_it_is_told_how_its_data_stays(deployed: Rig) -> None:
    deployed.world.stack("tap-dev-table").put("DELETE_FAILED", failed=("Table",))
    deployed.promotion = promotion(WEST)
    next_step = refused(deployed, system(WEST)).next_step
    assert "delete-stack --region us-east-1 --stack-name tap-dev-table --retain-resources Table" in next_step
    assert "destroy" not in next_step


def own(rig: Rig, plan: Plan, deployment: Deployment) -> tuple[Outcome, ...]:
    return rig.watched(lambda emit: execute_unreviewed(plan, deployment, rig.clients, emit, promotion=rig.promotion))


def test_the_import_waits_for_a_review_where_somebody_deletes_the_owner_meanwhile(rig: Rig) -> None:
    retained = REGIONAL.replace(
        "Properties:", "DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties:", 1
    )
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{retained}")))
    with_an_item(rig)
    deployment = taking_in()
    plan = rig.plan(deployment)
    rig.world.session(ACCOUNT).client("cloudformation", EAST).delete_stack(StackName="tap-dev-old")
    rig.world.settle()
    assert "orders is there already" in str(own(rig, plan, deployment))
    assert (items(rig), table_of(rig, "tap-dev-orders")) == (["one"], set())
    again = rig.plan(deployment)
    rig.execute(again, allow=["us-east-1/orders/Table", *(review.allow for review in again.pending)])
    assert (items(rig), table_of(rig, "tap-dev-orders")) == (["one"], {"AWS::DynamoDB::GlobalTable"})


def test_a_plan_of_this_run_stops_where_what_it_rests_on_is_gone(deployed: Rig) -> None:
    deployed.promotion = promotion(WEST)
    plan = deployed.plan(system(WEST))
    deployed.promotion = None
    before = deployed.operations("ExecuteChangeSet")
    with pytest.raises(BuilderError):
        own(deployed, plan, system(WEST))
    assert deployed.operations("ExecuteChangeSet") == before


def test_what_a_plan_releases_it_imports(rig: Rig) -> None:
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{TOPIC}{REGIONAL}{OUTPUT}")))
    plan = rig.plan(taking_in())
    forged = replace(
        plan,
        steps=tuple(step for step in plan.steps if step.stack != NEW),
        deferred=tuple(step for step in plan.deferred if step.stack != NEW),
    )
    with pytest.raises(BadInput, match="releases Orders, and the plan does not have us-east-1/orders import it"):
        rig.execute(forged)
    assert rig.operations("ExecuteChangeSet") == 1


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_deployment_that_broke_off_between_release_and_import_goes_on_unasked(rig: Rig, times: int) -> None:
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{TOPIC}{REGIONAL}{OUTPUT}")))
    with_an_item(rig)
    rig.world.script.fails("IMPORT", "Table", reason="not now", times=times)
    deployment = taking_in(f"Resources:\n{TOPIC_ALONE}")
    for _ in range(times):
        assert not all_done(rig, rig.plan(deployment))
    assert all_done(rig, rig.plan(deployment))
    assert items(rig) == ["one"]
    assert rig.plan(deployment).is_empty


@pytest.mark.parametrize("existing", [(), (LogicalId("Table"),)], ids=["created", "taken in"])
def test_a_table_of_the_stack_itself_is_not_to_be_made_again_under_another_logical_id(
    rig: Rig, existing: tuple[LogicalId, ...]
) -> None:
    rig.deploy(make_deployment(make_stack(NEW, f"Resources:\n{GLOBAL.replace('Table:', 'Before:', 1)}")))
    refusal = refused(rig, make_deployment(replace(make_stack(NEW, f"Resources:\n{GLOBAL}"), existing=existing)))
    assert "the table orders is Before (AWS::DynamoDB::GlobalTable) of this very stack" in refusal.what


@pytest.mark.parametrize("existing", [(), (LogicalId("Files"),)], ids=["created", "taken in"])
@pytest.mark.parametrize(("owner", "region"), [("444455556666", EAST), (ACCOUNT, WEST)], ids=["theirs", "elsewhere"])
def test_of_a_bucket_that_cannot_be_taken_in_it_is_told_why(
    rig: Rig, owner: str, region: Region, existing: tuple[LogicalId, ...]
) -> None:
    client = rig.world.session(owner).client("s3", region)
    if region == WEST:
        client.create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    else:
        client.create_bucket(Bucket="files")
    files = "  Files: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: files}}\n"
    deployment = make_deployment(replace(make_stack(NEW, f"Resources:\n{files}"), existing=existing))
    words = {"444455556666": "another account's", ACCOUNT: "us-west-2" if existing else "is there already"}[owner]
    assert words in refused(rig, deployment).what


@pytest.mark.parametrize(
    "others",
    [
        [replace(make_stack(StackId("us-east-1/more"), f"Resources:\n{GLOBAL}"), existing=(LogicalId("Table"),))],
        [make_stack(StackId("us-east-1/more"), f"Resources:\n{GLOBAL}")],
        [make_stack(OLD, f"Resources:\n{REGIONAL}")],
    ],
    ids=["both take it in", "one would create it", "the one that has it keeps it"],
)
def test_one_table_is_not_to_be_in_two_stacks(rig: Rig, others: list[DesiredStack]) -> None:
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{REGIONAL}")))
    with pytest.raises(BuilderError, match="the table orders is to be in this stack and as us-east-1/"):
        rig.plan(make_deployment(TAKEN, *others))
    assert rig.operations("CreateChangeSet") == 1


def test_tables_of_one_name_in_two_regions_may_be_two(rig: Rig) -> None:
    here = make_deployment(make_stack(NEW, f"Resources:\n{GLOBAL}"))
    rig.deploy(here)
    rig.world.session(ACCOUNT).client("dynamodb", WEST).create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    rig.world.settle()
    template = f"Resources:\n{GLOBAL.replace('us-east-1', 'us-west-2')}"
    there = replace(make_stack(StackId("us-west-2/orders"), template), existing=(LogicalId("Table"),))
    plan = rig.plan(make_deployment(*here.stacks, there))
    assert {step.stack for step in plan.change_sets} == {"us-west-2/orders"}
    assert all(isinstance(outcome, Done) for outcome in rig.execute(plan, allow=["us-west-2/orders/Table"]))
    assert table_of(rig, "tap-dev-orders") == {"AWS::DynamoDB::GlobalTable"}


def force(rig: Rig) -> Plan:
    """Do what can be done of a promotion while the old primary is lost, and return its plan."""
    rig.world.region_down(EAST)
    rig.promotion = replace(promotion(WEST), forced=True)
    lost = narrow(system(WEST), [EAST])
    request = PlanRequest(options=PlanOptions(by="deploy"), promotion=rig.promotion)
    first = PlanId(id="forced", at="2026-01-01T00:00:00+00:00")
    ids = iter(replace(first, id=f"forced-{number}") for number in range(9))
    part = rig.watched(lambda emit: make_partial_plan(lost, rig.clients, lambda: next(ids), emit, request))
    assert part.plan is not None
    made = part.plan
    ended = rig.watched(
        lambda emit: execute_unreviewed(made, part.deployment, rig.clients, emit, promotion=rig.promotion)
    )
    assert all(isinstance(outcome, Done) for outcome in ended)
    rig.world.region_up(EAST)
    return made


def test_what_a_promotion_postpones_is_told_from_the_lost_region_with_its_reasons(deployed: Rig) -> None:
    plan = force(deployed)
    assert plan.left_out == ("us-east-1/storage", "us-east-1/service")
    (waiting,) = plan.postponed
    assert waiting.stack == "us-west-2/storage"
    assert any("IAM's control plane is in us-east-1, which is skipped" in reason for reason in waiting.because)
    assert any(reason.startswith("us-east-1/storage: is left out, and what is needed") for reason in waiting.because)
    assert read_plan(write_plan(plan), "plan.json").postponed == plan.postponed
    both = narrow(system(WEST), [EAST])
    assert {stack.id for stack in narrowed(plan, both).left_out} == {*plan.left_out, waiting.stack}
    assert narrowed(plan, system(WEST)).skipped == (EAST,)


def test_a_table_that_two_stacks_have_is_changed_once_the_old_one_has_released_it(deployed: Rig) -> None:
    force(deployed)
    plan = deployed.plan(system(WEST))
    (changing,) = (step for step in plan.change_sets if step.stack == "us-west-2/table")
    assert "us-east-1/table" in changing.needs
    assert all_done(deployed, plan)
    assert deployed.plan(system(WEST), PlanRequest()).is_empty


def test_a_table_that_two_stacks_have_is_not_deleted_as_an_orphan_s(deployed: Rig) -> None:
    force(deployed)
    deployed.promotion = None
    with pytest.raises(Stopped, match="two stacks that list one table revert each other"):
        deployed.plan(system(WEST), PlanRequest(remove_orphans=True))


N = "tap-dev-global"
KEYS = [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "by", "AttributeType": "S"}]
BY = {
    "IndexName": "by-owner",
    "KeySchema": [{"AttributeName": "by", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
BY_HAND: dict[str, tuple[Region, str, dict[str, Any]]] = {
    "its index by-owner: what queries it fails": (
        EAST,
        "update_table",
        {"AttributeDefinitions": KEYS, "GlobalSecondaryIndexUpdates": [{"Create": BY}]},
    ),
    "its time to live by gone": (
        EAST,
        "update_time_to_live",
        {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "gone"}},
    ),
    "its deletion protection in us-west-2": (WEST, "update_table", {"DeletionProtectionEnabled": True}),
    'its TableClass in us-west-2, "STANDARD_IN': (WEST, "update_table", {"TableClass": "STANDARD_INFREQUENT_ACCESS"}),
    "its WriteOnDemandThroughputSettings": (EAST, "update_table", {"OnDemandThroughput": {"MaxWriteRequestUnits": 9}}),
    "its ContributorInsightsSpecification in us-east-1": (
        EAST,
        "update_contributor_insights",
        {"ContributorInsightsAction": "ENABLE"},
    ),
}
"""What each change by hand is that a promotion would take back."""


@pytest.mark.parametrize("loss", BY_HAND)
def test_what_the_template_would_take_from_a_table_stops_until_it_is_allowed(deployed: Rig, loss: str) -> None:
    region, operation, arguments = BY_HAND[loss]
    getattr(deployed.world.session(ACCOUNT).client("dynamodb", region), operation)(TableName=N, **arguments)
    deployed.world.settle()
    deployed.promotion = promotion(WEST)
    plan = deployed.plan(system(WEST))
    (hit,) = plan.guards
    assert hit.allow == "us-west-2/table/Table"
    assert loss in hit.why
    with pytest.raises(Stopped, match="not allowed yet"):
        deployed.execute(plan)
    assert all(isinstance(outcome, Done) for outcome in deployed.execute(plan, allow=[hit.allow]))


def test_nothing_is_taken_from_a_table_that_is_as_its_template_says_with_all_that_there_is(rig: Rig) -> None:
    table = {
        "indexes": {"by-owner": {"key": {"owner": "S", "at": "N"}, "projection": ["b", "a"]}},
        "ttl": "gone",
        "point_in_time_recovery": {"days": 7},
        "deletion_protection": True,
    }

    def full(primary: Region, secondary: Region) -> Deployment:
        regions = {"primary": primary, "secondaries": [secondary], "born": EAST}
        sections: dict[str, Any] = {"table": table, "tags": {"team": "core"}, "encryption": {"key": "managed"}}
        assembly = make_assembly(make_loaded_config(regions=regions, **sections))
        return bind(assembly.manifest, assembly.templates, "dev")

    rig.deploy(full(EAST, WEST))
    for to, old in ((WEST, EAST), (EAST, WEST)):
        rig.promotion = promotion(to)
        plan = rig.plan(full(to, old))
        assert plan.guards == ()
        assert all_done(rig, plan)


def test_the_versions_of_a_bucket_are_asked_about_whoever_has_it(rig: Rig) -> None:
    files = "  Files: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: files}}\n"
    rig.deploy(make_deployment(make_stack(OLD, f"Resources:\n{files}{TOPIC_ALONE}")))
    versioned = files.replace("BucketName: files", "BucketName: files, VersioningConfiguration: {Status: Enabled}")
    new = replace(make_stack(NEW, f"Resources:\n{versioned}"), existing=(LogicalId("Files"),))
    plan = rig.plan(make_deployment(new))
    assert [(hit.allow, "without versions" in hit.why) for hit in plan.guards] == [("us-east-1/orders/Files", True)]
