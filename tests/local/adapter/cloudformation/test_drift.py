from typing import Any

from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.templates import TABLE, bucket, names, replication, table


def _drift(account: Account, stack: str = "one") -> dict[str, Any]:
    """Detect the drift of a stack with one resource, and return that resource's."""
    client = account.cloudformation()
    client.detect_stack_drift(StackName=stack)
    (drift,) = client.describe_stack_resource_drifts(StackName=stack)["StackResourceDrifts"]
    return {**drift}


def _paths(drift: dict[str, Any]) -> set[tuple[str, str]]:
    return {(difference["PropertyPath"], difference["DifferenceType"]) for difference in drift["PropertyDifferences"]}


_FULL = {
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "ContributorInsightsSpecification": {"Enabled": True},
    "DeletionProtectionEnabled": False,
    "TableClass": "STANDARD",
    "Tags": [{"Key": "a", "Value": "b"}],
    "ResourcePolicy": {"PolicyDocument": {"Version": "2012-10-17", "Statement": []}},
}


def test_a_table_that_was_left_alone_is_in_sync(account: Account) -> None:
    deploy(account, "one", table({"Region": PRIMARY, **_FULL}, {"Region": SECONDARY, **_FULL}))
    assert _drift(account)["StackResourceDriftStatus"] == "IN_SYNC"


def test_a_removed_replica_is_drift(account: Account) -> None:
    deploy(account, "one", table())
    account.dynamodb().update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": SECONDARY}}])
    assert _paths(_drift(account)) == {("/Replicas/1", "REMOVE")}


def test_an_added_replica_is_drift(account: Account) -> None:
    deploy(account, "one", table({"Region": PRIMARY}))
    account.dynamodb().update_table(TableName=TABLE, ReplicaUpdates=[{"Create": {"RegionName": SECONDARY}}])
    assert _paths(_drift(account)) == {("/Replicas/1", "ADD")}


def test_a_setting_changed_in_the_other_region_is_drift(account: Account) -> None:
    deploy(account, "one", table({"Region": PRIMARY, **_FULL}, {"Region": SECONDARY, **_FULL}))
    account.dynamodb(SECONDARY).update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    account.dynamodb(SECONDARY).update_table(TableName=TABLE, DeletionProtectionEnabled=True)
    assert _paths(_drift(account)) == {
        ("/Replicas/1/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", "NOT_EQUAL"),
        ("/Replicas/1/DeletionProtectionEnabled", "NOT_EQUAL"),
    }


def test_a_table_that_is_gone_is_deleted(account: Account) -> None:
    deploy(account, "one", table({"Region": PRIMARY}))
    account.dynamodb().delete_table(TableName=TABLE)
    assert _drift(account)["StackResourceDriftStatus"] == "DELETED"


def test_a_bucket_that_was_left_alone_is_in_sync(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "there", bucket(destination), region=SECONDARY)
    tag = {"Key": "a", "Value": "b"}
    filters: tuple[Any, ...] = ({"Prefix": "p"}, {"And": {"Prefix": "p", "TagFilters": [tag]}}, {"TagFilter": tag})
    for number, objects in enumerate(filters):
        rules = replication(destination, Filter=objects, DeleteMarkerReplication={"Status": "Disabled"})
        resources = bucket(f"{source}-{number}", ReplicationConfiguration=rules, Tags=[{"Key": "k", "Value": "v"}])
        deploy(account, f"bucket-{number}", resources, Tags=[{"Key": "stack", "Value": "1"}])
        assert _drift(account, f"bucket-{number}")["StackResourceDriftStatus"] == "IN_SYNC"


def test_removed_rules_are_drift(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "there", bucket(destination), region=SECONDARY)
    deploy(account, "one", bucket(source, ReplicationConfiguration=replication(destination)))
    account.s3().delete_bucket_replication(Bucket=source)
    assert _paths(_drift(account)) == {("/ReplicationConfiguration", "REMOVE")}


def test_changed_tags_are_drift(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "one", bucket(name, Tags=[{"Key": "k", "Value": "v"}]))
    account.s3().put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "k", "Value": "other"}]})
    assert _paths(_drift(account)) == {("/Tags/0/Value", "NOT_EQUAL")}


def test_a_bucket_that_is_gone_is_deleted(account: Account) -> None:
    name, _ = names(account)
    deploy(account, "one", bucket(name))
    account.s3().delete_bucket(Bucket=name)
    assert _drift(account)["StackResourceDriftStatus"] == "DELETED"
