"""A global table that two stacks list, or that somebody changes beside its stack: an update forces its template."""

from typing import Any

import pytest

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, take_in, update
from local.adapter.templates import TABLE, kept, table

THIRD = "eu-west-1"
_TABLE = {"Table": {"TableName": TABLE}}
_EXPIRY = {"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}}


def _regions(account: Account) -> set[str]:
    regions = (PRIMARY, SECONDARY, THIRD)
    return {region for region in regions if TABLE in account.dynamodb(region).list_tables()["TableNames"]}


def _three(**properties: Any) -> dict[str, Any]:
    return table(*({"Region": region} for region in (PRIMARY, SECONDARY, THIRD)), **properties)


def _own_twice(account: Account) -> None:
    """Have the table in a stack of either region."""
    deploy(account, "first", table())
    assert take_in(account, "second", kept(table()), _TABLE, region=SECONDARY).status == "IMPORT_COMPLETE"


def test_two_owners_of_a_table_revert_each_other(account: Account) -> None:
    _own_twice(account)
    assert update(account, "second", kept(_three()), region=SECONDARY).status == "UPDATE_COMPLETE"
    assert _regions(account) == {PRIMARY, SECONDARY, THIRD}
    assert update(account, "first", table(**_EXPIRY)).status == "UPDATE_COMPLETE"
    assert _regions(account) == {PRIMARY, SECONDARY}
    back = update(account, "second", kept(_three(**_EXPIRY)), region=SECONDARY)
    assert f"Table: {TABLE} not found in {THIRD}" in back.reason


@pytest.mark.parametrize(("stack", "region"), [("first", PRIMARY), ("second", SECONDARY)])
def test_a_deletion_by_either_takes_every_replica(account: Account, stack: str, region: str) -> None:
    deploy(account, "first", table())
    without_word = {"Table": {**table()["Table"], "DeletionPolicy": "Delete"}}
    take_in(account, "second", without_word, _TABLE, region=SECONDARY)
    assert destroy(account, stack, region=region).status == "DELETE_COMPLETE"
    assert _regions(account) == set()


def test_a_replica_that_an_import_left_out_goes_with_the_next_update(account: Account) -> None:
    deploy(account, "first", _three())
    take_in(account, "second", kept(table()), _TABLE, region=SECONDARY)
    assert _regions(account) == {PRIMARY, SECONDARY, THIRD}
    assert update(account, "second", kept(table(**_EXPIRY)), region=SECONDARY).status == "UPDATE_COMPLETE"
    assert _regions(account) == {PRIMARY, SECONDARY}


def test_a_setting_that_stands_already_is_taken_for_done(account: Account) -> None:
    deploy(account, "first", table())
    client = account.dynamodb()
    client.update_time_to_live(TableName=TABLE, TimeToLiveSpecification={"AttributeName": "until", "Enabled": True})
    index: Any = {
        "IndexName": "by-owner",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    attributes: Any = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "owner")]
    client.update_table(
        TableName=TABLE, AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=[{"Create": index}]
    )
    resources = table(**_EXPIRY, AttributeDefinitions=attributes, GlobalSecondaryIndexes=[index])
    ended = update(account, "first", resources)
    assert (ended.status, ended.reason) == ("UPDATE_COMPLETE", "")


def test_what_somebody_changed_is_forced_back_and_what_no_template_says_stays(account: Account) -> None:
    properties: dict[str, Any] = {
        "DeletionProtectionEnabled": True,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "Tags": [{"Key": "team", "Value": "red"}],
    }
    deploy(account, "first", table({"Region": PRIMARY, **properties}, {"Region": SECONDARY}))
    for region in (PRIMARY, SECONDARY):
        client = account.dynamodb(region)
        arn = client.describe_table(TableName=TABLE)["Table"]["TableArn"]
        client.update_table(TableName=TABLE, DeletionProtectionEnabled=region == SECONDARY)
        client.update_continuous_backups(
            TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": region == SECONDARY}
        )
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "7"}, {"Key": "team", "Value": "blue"}])
    assert (
        update(account, "first", table({"Region": PRIMARY, **properties}, {"Region": SECONDARY}, **_EXPIRY)).reason
        == ""
    )
    assert _read(account, PRIMARY) == (True, True, {"team": "red", "cost": "7"})
    assert _read(account, SECONDARY) == (True, True, {"team": "blue", "cost": "7"})


def _read(account: Account, region: str) -> tuple[bool, bool, dict[str, str]]:
    """Return whether a replica is protected, whether it can be recovered, and its tags."""
    client = account.dynamodb(region)
    described = client.describe_table(TableName=TABLE)["Table"]
    backups = client.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    tags = client.list_tags_of_resource(ResourceArn=described["TableArn"])["Tags"]
    return (
        described["DeletionProtectionEnabled"],
        recovery == "ENABLED",
        {each["Key"]: each["Value"] for each in tags},
    )
