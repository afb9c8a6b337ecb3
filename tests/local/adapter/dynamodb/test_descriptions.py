"""What is read of a table that somebody made by plain boto3, in each of its regions."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.templates import table

NAME = "made-by-hand"
_ATTRIBUTES: Any = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "owner")]
_INDEX: Any = {
    "IndexName": "by-owner",
    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["b", "a"]},
}


def _make(account: Account, **more: Any) -> Any:
    """Make a table on demand; return its region's client."""
    client = account.dynamodb()
    request: dict[str, Any] = {
        "TableName": NAME,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": _ATTRIBUTES[:1],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        **more,
    }
    client.create_table(**request)
    return client


def _add_replica(client: Any, region: str = SECONDARY) -> None:
    client.update_table(TableName=NAME, ReplicaUpdates=[{"Create": {"RegionName": region}}])


def test_a_plain_table_answers_every_call_that_a_description_of_it_takes(account: Account) -> None:
    client = _make(account)
    shown = client.describe_table(TableName=NAME)["Table"]
    assert shown["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert shown.keys().isdisjoint({"Replicas", "StreamSpecification", "GlobalSecondaryIndexes", "SSEDescription"})
    recovery = client.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"] == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    assert client.describe_contributor_insights(TableName=NAME)["ContributorInsightsStatus"] == "DISABLED"
    assert client.list_contributor_insights(TableName=NAME)["ContributorInsightsSummaries"] == []
    assert client.describe_kinesis_streaming_destination(TableName=NAME)["KinesisDataStreamDestinations"] == []
    assert client.list_tags_of_resource(ResourceArn=shown["TableArn"])["Tags"] == []
    with pytest.raises(client.exceptions.PolicyNotFoundException):
        client.get_resource_policy(ResourceArn=shown["TableArn"])
    with pytest.raises(client.exceptions.GlobalTableNotFoundException):
        client.describe_global_table(GlobalTableName=NAME)


def test_what_was_set_in_one_region_is_shown_there_and_what_is_shared_in_all(account: Account) -> None:
    client = _make(
        account,
        AttributeDefinitions=_ATTRIBUTES,
        GlobalSecondaryIndexes=[_INDEX],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        Tags=[{"Key": "team", "Value": "red"}],
        TableClass="STANDARD_INFREQUENT_ACCESS",
        DeletionProtectionEnabled=True,
    )
    _add_replica(client)
    arn = client.describe_table(TableName=NAME)["Table"]["TableArn"]
    policy = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": arn}]}
    client.put_resource_policy(ResourceArn=arn, Policy=json.dumps({"Version": "2012-10-17", **policy}))
    recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 5}
    client.update_continuous_backups(TableName=NAME, PointInTimeRecoverySpecification=recovery)
    client.update_contributor_insights(
        TableName=NAME, ContributorInsightsAction="ENABLE", ContributorInsightsMode="THROTTLED_KEYS"
    )
    expiry: Any = {"AttributeName": "until", "Enabled": True}
    account.dynamodb(SECONDARY).update_time_to_live(TableName=NAME, TimeToLiveSpecification=expiry)
    first, second = (_settings(account, region) for region in (PRIMARY, SECONDARY))
    common = {
        "class": "STANDARD_INFREQUENT_ACCESS",
        "expiry": "until",
        "indexes": [{**_INDEX}],
        "stream": "NEW_IMAGE",
    }
    assert first == {
        **common,
        "insights": "THROTTLED_KEYS",
        "protected": True,
        "recovery": 5,
        "replicas": [SECONDARY],
        "tags": [{"Key": "team", "Value": "red"}],
    }
    assert second == {
        **common,
        "insights": None,
        "protected": False,
        "recovery": None,
        "replicas": [PRIMARY],
        "tags": [],
    }


def _settings(account: Account, region: str) -> dict[str, Any]:
    client = account.dynamodb(region)
    shown: Any = client.describe_table(TableName=NAME)["Table"]
    backups: Any = client.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
    insights: Any = client.describe_contributor_insights(TableName=NAME)
    return {
        "class": shown["TableClassSummary"]["TableClass"],
        "expiry": client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]["AttributeName"],
        "indexes": [{name: index[name] for name in _INDEX} for index in shown["GlobalSecondaryIndexes"]],
        "insights": insights.get("ContributorInsightsMode"),
        "protected": shown["DeletionProtectionEnabled"],
        "recovery": backups["PointInTimeRecoveryDescription"].get("RecoveryPeriodInDays"),
        "replicas": [each["RegionName"] for each in shown["Replicas"]],
        "stream": shown["StreamSpecification"]["StreamViewType"],
        "tags": client.list_tags_of_resource(ResourceArn=shown["TableArn"])["Tags"],
    }


def test_an_index_comes_to_every_replica_and_goes_from_every_one_from_whichever_it_is_asked(account: Account) -> None:
    client = _make(account)
    client.put_item(TableName=NAME, Item={"id": {"S": "1"}, "owner": {"S": "ann"}})
    _add_replica(client)
    account.dynamodb(SECONDARY).update_table(
        TableName=NAME, AttributeDefinitions=_ATTRIBUTES, GlobalSecondaryIndexUpdates=[{"Create": _INDEX}]
    )
    for region in (PRIMARY, SECONDARY):
        query: Any = {
            "TableName": NAME,
            "IndexName": "by-owner",
            "KeyConditionExpression": "#o = :ann",
            "ExpressionAttributeNames": {"#o": "owner"},
            "ExpressionAttributeValues": {":ann": {"S": "ann"}},
        }
        assert account.dynamodb(region).query(**query)["Count"] == 1
    client.update_table(TableName=NAME, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-owner"}}])
    for region in (PRIMARY, SECONDARY):
        shown = account.dynamodb(region).describe_table(TableName=NAME)["Table"]
        assert "GlobalSecondaryIndexes" not in shown
        assert shown["AttributeDefinitions"] == _ATTRIBUTES[:1]


def test_the_billing_mode_is_every_replica_s(account: Account) -> None:
    client = _make(account)
    _add_replica(client)
    capacity: Any = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
    client.update_table(TableName=NAME, BillingMode="PROVISIONED", ProvisionedThroughput=capacity)
    shown = account.dynamodb(SECONDARY).describe_table(TableName=NAME)["Table"]
    assert shown["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert shown["ProvisionedThroughput"]["WriteCapacityUnits"] == 4


def test_one_replica_comes_or_goes_in_a_request(account: Account) -> None:
    client = _make(account)
    with pytest.raises(ClientError, match="Only one replica"):
        client.update_table(
            TableName=NAME,
            ReplicaUpdates=[{"Create": {"RegionName": region}} for region in (SECONDARY, "eu-west-1")],
        )
    assert "Replicas" not in client.describe_table(TableName=NAME)["Table"]


def test_a_table_of_provisioned_capacity_that_nobody_scales_gets_no_replica(account: Account) -> None:
    capacity = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
    client = _make(account, BillingMode="PROVISIONED", ProvisionedThroughput=capacity)
    with pytest.raises(ClientError, match=r"should either be Pay-Per-Request or AutoScaled\."):
        _add_replica(client)
    client.update_table(TableName=NAME, BillingMode="PAY_PER_REQUEST")
    _add_replica(client)


def test_a_table_is_warm_for_what_it_was_never_told(account: Account) -> None:
    client = _make(account, AttributeDefinitions=_ATTRIBUTES, GlobalSecondaryIndexes=[_INDEX])
    shown = client.describe_table(TableName=NAME)["Table"]
    on_demand = {"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"}
    assert shown["WarmThroughput"] == shown["GlobalSecondaryIndexes"][0]["WarmThroughput"] == on_demand
    warmer: Any = {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 5000}
    client.update_table(TableName=NAME, WarmThroughput=warmer)
    assert client.describe_table(TableName=NAME)["Table"]["WarmThroughput"] == {**warmer, "Status": "ACTIVE"}
    deploy(account, "table", table({"Region": PRIMARY}, BillingMode="PROVISIONED"))
    provisioned = client.describe_table(TableName="tap-test-global")["Table"]["WarmThroughput"]
    assert provisioned == {"ReadUnitsPerSecond": 5, "WriteUnitsPerSecond": 5, "Status": "ACTIVE"}


def test_the_key_of_dynamodb_s_own_is_one_that_aws_manages(account: Account) -> None:
    client = _make(account, SSESpecification={"Enabled": True, "SSEType": "KMS"})
    arn = client.describe_table(TableName=NAME)["Table"]["SSEDescription"]["KMSMasterKeyArn"]
    shown = account.client("kms").describe_key(KeyId=arn)["KeyMetadata"]
    assert (shown["KeyManager"], shown["KeyState"]) == ("AWS", "Enabled")
    assert shown["Arn"].startswith(f"arn:aws:kms:{PRIMARY}:{account.id}:key/")
