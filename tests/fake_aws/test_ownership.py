"""A table between stacks: released, imported as it is, listed by two stacks at once, lost with a region."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.dynamodb.definition import definition_of
from fake_aws.dynamodb.items import put

EAST, WEST, FAR = "us-east-1", "us-west-2", "eu-west-1"
ACCOUNT = "111122223333"
HANDLE = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
KEY = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
TTL = {"AttributeName": "until", "Enabled": True}
Properties = dict[str, Any]


def table(*regions: str, replica: Mapping[str, Any] | None = None, **more: Any) -> Properties:
    return {
        "TableName": "things",
        **KEY,
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Replicas": [{"Region": region, **(replica or {})} for region in regions or (EAST, WEST)],
        **more,
    }


@dataclass(frozen=True)
class Stacks:
    """What is done to stacks of the two regions, each to its end."""

    world: World

    def client(self, region: str = EAST) -> Any:
        return self.world.session().client("cloudformation", region_name=region)

    def dynamodb(self, region: str = EAST) -> Any:
        return self.world.session().client("dynamodb", region_name=region)

    def plan(self, kind: str, properties: Properties | None, region: str = EAST, **policies: str) -> dict[str, Any]:
        resources: dict[str, Any] = {**HANDLE}
        if properties is not None:
            type_name = "AWS::DynamoDB::GlobalTable" if "Replicas" in properties else "AWS::DynamoDB::Table"
            resources["Table"] = {"Type": type_name, "Properties": properties, **(policies or RETAIN)}
        more: dict[str, Any] = {}
        if kind == "IMPORT":
            named = {"LogicalResourceId": "Table", "ResourceIdentifier": {"TableName": "things"}}
            more = {"ResourcesToImport": [{"ResourceType": resources["Table"]["Type"], **named}]}
        made = self.client(region).create_change_set(
            StackName="app",
            ChangeSetName=f"made-{len(self.world.calls)}",
            ChangeSetType=kind,
            TemplateBody=json.dumps({"Resources": resources}),
            **more,
        )
        self.world.pass_time(10)
        shown: dict[str, Any] = self.client(region).describe_change_set(ChangeSetName=made["Id"])
        return shown

    def deploy(self, kind: str, properties: Properties | None, region: str = EAST, **policies: str) -> str:
        planned = self.plan(kind, properties, region, **policies)
        assert planned["Status"] == "CREATE_COMPLETE", planned
        self.client(region).execute_change_set(ChangeSetName=planned["ChangeSetId"])
        self.world.settle()
        return self.world.stack("app", region=region).status

    def delete(self, region: str = EAST) -> str:
        self.client(region).delete_stack(StackName="app")
        self.world.settle()
        return self.world.stack("app", region=region).status

    def take_in(self, properties: Properties, region: str = EAST) -> str:
        """Import the table into a stack that has nothing but a handle."""
        assert self.deploy("CREATE", None, region) == "CREATE_COMPLETE"
        return self.deploy("IMPORT", properties, region)

    @property
    def live(self) -> Properties:
        return definition_of(self.world.tables[ACCOUNT, "things"])

    def failures(self, region: str = EAST) -> Iterator[str]:
        for event in self.world.stack("app", region=region).record.events:
            if event.status.endswith("_FAILED"):
                yield str(event.reason)


@pytest.fixture
def stacks(world: World) -> Stacks:
    return Stacks(world)


@pytest.fixture
def left(world: World, stacks: Stacks) -> None:
    """A table in both regions, with an item, that a stack of the east has left behind."""
    stacks.deploy("CREATE", table(TimeToLiveSpecification=TTL))
    world.pass_time(4000)
    put(world.tables[ACCOUNT, "things"], {"id": {"S": "a"}})
    stacks.deploy("UPDATE", None)


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize("region", [EAST, WEST])
def test_what_was_left_behind_is_imported_in_either_region_and_nothing_of_it_changes(
    world: World, stacks: Stacks, region: str
) -> None:
    before = stacks.live
    assert before["TimeToLiveSpecification"] == TTL
    stacks.delete(EAST)
    # The template says another protection, no time to live, and recovery.
    properties = table(replica={"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}})
    assert stacks.take_in(properties, region) == "IMPORT_COMPLETE"
    assert stacks.live == before
    (row,) = stacks.client(region).describe_stack_resources(PhysicalResourceId="things", LogicalResourceId="Table")[
        "StackResources"
    ]
    assert row["ResourceStatus"] == "UPDATE_COMPLETE"
    held = [len(each.items) for each in world.tables[ACCOUNT, "things"].replicas.values()]
    assert held == [1, 1]


@pytest.mark.usefixtures("left")
def test_the_next_update_changes_what_the_templates_differ_in_and_forces_that_whole(stacks: Stacks) -> None:
    replicate = stacks.dynamodb().update_table
    replicate(TableName="things", ReplicaUpdates=[{"Create": {"RegionName": FAR}}])
    stacks.world.settle()
    stacks.delete(EAST)
    stacks.take_in(table())
    # What the imported template does not say stays, as long as nothing of it changes.
    most = {"MaxWriteRequestUnits": 100}
    assert stacks.deploy("UPDATE", table(WriteOnDemandThroughputSettings=most)) == "UPDATE_COMPLETE"
    assert (stacks.live["WriteOnDemandThroughputSettings"], stacks.live["TimeToLiveSpecification"]) == (most, TTL)
    assert [each["Region"] for each in stacks.live["Replicas"]] == [FAR, EAST, WEST]
    # A change of the replicas takes away the one that the template never listed.
    kept = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    properties = table(replica=kept, WriteOnDemandThroughputSettings=most)
    assert stacks.deploy("UPDATE", properties) == "UPDATE_COMPLETE"
    assert stacks.live["Replicas"] == [{"Region": region, **kept} for region in (EAST, WEST)]


@pytest.mark.usefixtures("left")
def test_drift_tells_what_an_import_took_in_otherwise(stacks: Stacks) -> None:
    stacks.delete(EAST)
    stacks.take_in(table(TimeToLiveSpecification={"AttributeName": "other", "Enabled": True}))
    cfn = stacks.client()
    cfn.detect_stack_drift(StackName="app")
    stacks.world.settle()
    (drift,) = [
        each
        for each in cfn.describe_stack_resource_drifts(StackName="app")["StackResourceDrifts"]
        if each["StackResourceDriftStatus"] == "MODIFIED"
    ]
    assert [each["PropertyPath"] for each in drift["PropertyDifferences"]] == ["/TimeToLiveSpecification/AttributeName"]


@pytest.mark.usefixtures("left")
def test_a_template_in_other_words_is_no_drift(stacks: Stacks) -> None:
    stacks.delete(EAST)
    properties = table(WEST, EAST, replica={"DeletionProtectionEnabled": "false", "TableClass": "STANDARD"})
    stacks.take_in(properties | {"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": "true"}})
    assert stacks.world.stack("app").record.resources["Table"].actual is None


@pytest.mark.usefixtures("left")
def test_a_template_without_the_stack_s_own_region_fails_the_import_and_the_table_stays_nobody_s(
    stacks: Stacks,
) -> None:
    before = stacks.live
    stacks.delete(EAST)
    assert stacks.take_in(table(WEST)) == "IMPORT_ROLLBACK_COMPLETE"
    assert any("Replicas must contain the region of the stack" in each for each in stacks.failures())
    assert stacks.live == before
    with pytest.raises(ClientError, match="Stack for things does not exist"):
        stacks.client().describe_stack_resources(PhysicalResourceId="things")
    # And the stack goes on from there.
    assert stacks.deploy("IMPORT", table()) == "IMPORT_COMPLETE"


def test_a_table_that_a_call_made_becomes_global_by_import_and_update(world: World, stacks: Stacks) -> None:
    dynamodb = stacks.dynamodb()
    dynamodb.create_table(TableName="things", Tags=[{"Key": "a", "Value": "b"}], **KEY)
    world.settle()
    put(world.local_tables[ACCOUNT, EAST, "things"], {"id": {"S": "a"}})
    alone = table(EAST, replica={"Tags": [{"Key": "a", "Value": "b"}]})
    del alone["StreamSpecification"]
    assert stacks.take_in(alone) == "IMPORT_COMPLETE"
    assert stacks.world.stack("app").record.resources["Table"].actual is None
    assert stacks.deploy("UPDATE", table(EAST, replica=alone["Replicas"][0])) == "UPDATE_COMPLETE"
    both = table(EAST) | {"Replicas": [*alone["Replicas"], {"Region": WEST}]}
    assert stacks.deploy("UPDATE", both) == "UPDATE_COMPLETE"
    assert [len(each.items) for each in world.tables[ACCOUNT, "things"].replicas.values()] == [1, 1]


def test_a_table_is_handed_from_one_type_to_the_other(world: World, stacks: Stacks) -> None:
    regional = {"TableName": "things", **KEY, "DeletionProtectionEnabled": True}
    stacks.deploy("CREATE", regional)
    assert stacks.deploy("UPDATE", None) == "UPDATE_COMPLETE"
    properties = table(EAST, replica={"DeletionProtectionEnabled": True})
    del properties["StreamSpecification"]
    assert stacks.deploy("IMPORT", properties) == "IMPORT_COMPLETE"
    assert world.stack("app").record.resources["Table"].actual is None


def test_a_stack_of_the_region_that_has_a_table_keeps_it_from_another_though_not_by_the_same_type(
    world: World, stacks: Stacks
) -> None:
    stacks.deploy("CREATE", table())
    regional = {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "things"}}
    made = stacks.client().create_change_set(
        StackName="other",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Table": regional}}),
    )
    world.settle()
    shown = stacks.client().describe_change_set(ChangeSetName=made["Id"])
    assert (shown["Status"], "ResourceExistenceCheck" in shown["StatusReason"]) == ("FAILED", True)


def test_a_new_table_under_the_name_of_another_region_s_is_found_when_it_is_made_or_early(
    world: World, stacks: Stacks
) -> None:
    stacks.deploy("CREATE", table())
    before = stacks.live
    assert stacks.deploy("CREATE", table(WEST, EAST), WEST, DeletionPolicy="Delete") == "ROLLBACK_COMPLETE"
    assert any("already exist" in each for each in stacks.failures(WEST))
    assert stacks.live == before
    stacks.delete(WEST)
    # One beside it, whose replica would be where the other has one.
    assert stacks.deploy("CREATE", table(FAR, WEST), FAR, DeletionPolicy="Delete") == "ROLLBACK_COMPLETE"
    assert any("already existed as tables: us-west-2" in each for each in stacks.failures(FAR))
    world.quirks.replicas_are_found_early = True
    assert "ResourceExistenceCheck" in stacks.plan("CREATE", table(WEST, EAST), WEST)["StatusReason"]


@pytest.fixture
def owners(stacks: Stacks) -> None:
    """A table that stacks of both regions list, neither of which retains it."""
    stacks.deploy("CREATE", table(), DeletionPolicy="Delete")
    stacks.take_in(table(), WEST)
    stacks.deploy("UPDATE", table(), WEST, DeletionPolicy="Delete")


@pytest.mark.usefixtures("owners")
def test_each_of_two_owners_reverts_the_other(stacks: Stacks) -> None:
    most = {"WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": 100}}
    assert stacks.deploy("UPDATE", table(**most), DeletionPolicy="Delete") == "UPDATE_COMPLETE"
    kept = {"DeletionProtectionEnabled": True}
    assert stacks.deploy("UPDATE", table(replica=kept), WEST, DeletionPolicy="Delete") == "UPDATE_COMPLETE"
    assert "WriteOnDemandThroughputSettings" not in stacks.live
    assert stacks.deploy("UPDATE", table(WarmThroughput={}, **most), DeletionPolicy="Delete") == "UPDATE_COMPLETE"
    assert stacks.live["Replicas"] == [{"Region": EAST}, {"Region": WEST}]


@pytest.mark.usefixtures("owners")
def test_the_deletion_of_either_stack_takes_the_table_from_the_other(world: World, stacks: Stacks) -> None:
    assert stacks.delete(EAST) == "DELETE_COMPLETE"
    assert world.tables == {}
    most = {"WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": 100}}
    assert stacks.deploy("UPDATE", table(**most), WEST) == "UPDATE_ROLLBACK_FAILED"
    assert any("'things' was not found" in each for each in stacks.failures(WEST))
    assert stacks.delete(WEST) == "DELETE_COMPLETE"


@pytest.mark.usefixtures("owners")
def test_a_retained_removal_by_one_leaves_the_other_s(stacks: Stacks) -> None:
    before = stacks.live
    stacks.deploy("UPDATE", table())
    assert stacks.deploy("UPDATE", None) == "UPDATE_COMPLETE"
    assert stacks.live == before
    assert stacks.client(WEST).describe_stack_resources(PhysicalResourceId="things")["StackResources"]


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize("needs_all", [False, True])
def test_a_region_that_is_down_keeps_a_table_from_changing_and_not_from_being_imported(
    world: World, stacks: Stacks, *, needs_all: bool
) -> None:
    world.quirks.imports_of_tables_need_every_region = needs_all
    world.region_down(EAST)
    properties = table(TimeToLiveSpecification=TTL)
    assert stacks.take_in(properties, WEST) == ("IMPORT_ROLLBACK_COMPLETE" if needs_all else "IMPORT_COMPLETE")
    if needs_all:
        return
    most = {"WriteOnDemandThroughputSettings": {"MaxWriteRequestUnits": 100}}
    assert stacks.deploy("UPDATE", properties | most, WEST) == "UPDATE_ROLLBACK_FAILED"
    assert any("it has a replica in us-east-1" in each for each in stacks.failures(WEST))
    world.region_up(EAST)
    stacks.client(WEST).continue_update_rollback(StackName="app")
    world.settle()
    assert stacks.deploy("UPDATE", properties | most, WEST) == "UPDATE_COMPLETE"
