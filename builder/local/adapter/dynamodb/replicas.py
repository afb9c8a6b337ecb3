"""The settings of a global table's replicas, and what all of them share, in the shape of the DynamoDB API.

    Replicas:
      - Region: us-east-1
        PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7}
        SSESpecification: {KMSMasterKeyId: alias/orders}
        Tags: [{Key: team, Value: red}]

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-replicaspecification.html
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from builder.local.adapter.dynamodb.encryption import customer_key, key_of
from builder.local.adapter.dynamodb.settings import read_recovery
from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, touch
from builder.local.adapter.handlers import Properties, Reply, check_reply, is_true
from builder.local.adapter.kms.keys import UnusableKey, find_arn

_DDB = "ministack.services.dynamodb"


def by_region(props: Properties) -> dict[str, Properties]:
    """Return the replicas of a global table's properties by their region, in the template's order."""
    return {replica["Region"]: replica for replica in props.get("Replicas", [])}


def shared(props: Properties, region: str) -> dict[str, Any]:
    """Return what all replicas share, with the key that encrypts the replica of `region`."""
    names = ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "BillingMode")
    settings = {name: props[name] for name in names if name in props}
    if stream := props.get("StreamSpecification"):
        settings["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream["StreamViewType"]}
    if encryption := props.get("SSESpecification"):
        kind = {"SSEType": encryption["SSEType"]} if "SSEType" in encryption else {}
        key = key_of(by_region(props).get(region, {}))
        named = {"KMSMasterKeyId": key} if key else {}
        settings["SSESpecification"] = {"Enabled": is_true(encryption["SSEEnabled"]), **kind, **named}
    if "GlobalSecondaryIndexes" in props:
        of_api = ("IndexName", "KeySchema", "Projection")
        settings["GlobalSecondaryIndexes"] = [
            {name: index[name] for name in of_api if name in index} for index in props["GlobalSecondaryIndexes"]
        ]
    if props.get("BillingMode", "PROVISIONED") == "PROVISIONED":
        settings["ProvisionedThroughput"] = {
            "ReadCapacityUnits": 5,
            "WriteCapacityUnits": _minimum(props.get("WriteProvisionedThroughputSettings", {})),
        }
    return settings


def _minimum(settings: Properties) -> int:
    return int(settings.get("WriteCapacityAutoScalingSettings", {}).get("MinCapacity", 5))


def apply_settings(table: str, region: str, before: Properties, after: Properties) -> None:
    """Update the settings of one replica of `table` from `before` to `after`; {} is a new replica."""
    account = account_id()
    arn = f"arn:aws:dynamodb:{region}:{account}:table/{table}"
    with acting_in(AccountRegion(account, region)):
        for change in _changes(table, arn, before, after):
            check_reply(change, service="DynamoDb")


def _changes(table: str, arn: str, before: Properties, after: Properties) -> Iterator[Reply]:
    """Yield the reply of each call that the change takes; the next is made only when the caller goes on."""
    if changes := _table_changes(before, after):
        yield touch(f"{_DDB}:_update_table")({"TableName": table, **changes})
    if (spec := _recovery(after)) != _recovery(before):
        data = {"TableName": table, "PointInTimeRecoverySpecification": spec}
        yield touch(f"{_DDB}:_update_continuous_backups")(data)
    if (insights := _insights(after)) != _insights(before):
        data = {"TableName": table, "ContributorInsightsAction": "ENABLE" if insights else "DISABLE"}
        yield touch(f"{_DDB}:_update_contributor_insights")(data)
    yield from _tag_changes(arn, _tags(before), _tags(after))
    yield from _policy_changes(arn, before, after)


def _table_changes(before: Properties, after: Properties) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if (table_class := after.get("TableClass", "STANDARD")) != before.get("TableClass", "STANDARD"):
        changes["TableClass"] = table_class
    protected = is_true(after.get("DeletionProtectionEnabled"))
    if protected != is_true(before.get("DeletionProtectionEnabled")):
        changes["DeletionProtectionEnabled"] = protected
    return changes


def _recovery(replica: Properties) -> dict[str, Any]:
    spec: Properties = replica.get("PointInTimeRecoverySpecification", {})
    days = spec.get("RecoveryPeriodInDays")
    named = {"RecoveryPeriodInDays": int(days)} if days is not None else {}
    return {"PointInTimeRecoveryEnabled": is_true(spec.get("PointInTimeRecoveryEnabled")), **named}


def _insights(replica: Properties) -> bool:
    spec: Properties = replica.get("ContributorInsightsSpecification", {})
    return is_true(spec.get("Enabled"))


def _tags(replica: Properties) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in replica.get("Tags", [])}


def _tag_changes(arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Reply]:
    if gone := [key for key in before if key not in after]:
        yield touch(f"{_DDB}:_untag_resource")({"ResourceArn": arn, "TagKeys": gone})
    if put := [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]:
        yield touch(f"{_DDB}:_tag_resource")({"ResourceArn": arn, "Tags": put})


def _policy_changes(arn: str, before: Properties, after: Properties) -> Iterator[Reply]:
    document = after.get("ResourcePolicy", {}).get("PolicyDocument")
    if document == before.get("ResourcePolicy", {}).get("PolicyDocument"):
        return
    if document is None:
        yield touch(f"{_DDB}:_delete_resource_policy")({"ResourceArn": arn})
    else:
        yield touch(f"{_DDB}:_put_resource_policy")({"ResourceArn": arn, "Policy": json.dumps(document)})


def read_replica(table: str, region: str, in_template: Properties) -> dict[str, Any]:
    """Return a replica by the properties that its template gives it; what cannot be read is as the template says."""
    present = _read(table, region, in_template)
    return {name: present.get(name, value) for name, value in in_template.items()}


def read_deployed(table: str, region: str, before: Properties, after: Properties) -> dict[str, Any]:
    """Return a replica as it stands, by the properties that one of two templates gives it.

    What cannot be read is as the template before says. Tags that neither has are somebody else's, and left out.
    """
    in_templates = {**before, **after}
    present = {name: value for name, value in _read(table, region, in_templates).items() if name in in_templates}
    tags = [tag for tag in present.get("Tags", []) if tag["Key"] in _tags(before).keys() | _tags(after).keys()]
    return {**before, **present, **({"Tags": tags} if "Tags" in in_templates else {}), "Region": region}


def _read(table: str, region: str, in_template: Properties) -> dict[str, Any]:
    """Return all of a replica that can be read, its key and its recovery in the words of its template."""
    with acting_in(AccountRegion(account_id(), region)):
        record = touch(f"{_DDB}:_tables")[table]
        insights = touch(f"{_DDB}:_contributor_insights").get(table, {}).get("ContributorInsightsStatus", "")
        return {
            "DeletionProtectionEnabled": record.get("DeletionProtectionEnabled", False),
            "TableClass": (record.get("TableClassSummary") or {}).get("TableClass", "STANDARD"),
            "Tags": touch(f"{_DDB}:_tags").get(record["TableArn"], []),
            "PointInTimeRecoverySpecification": _recovery_as(in_template, read_recovery(table)),
            "SSESpecification": {"KMSMasterKeyId": _key_as(in_template, customer_key(table, region), region)},
            "ContributorInsightsSpecification": {"Enabled": insights.startswith("ENABL")},
        }


def _recovery_as(in_template: Properties, present: dict[str, Any]) -> dict[str, Any]:
    """Return a replica's recovery by what its template says of it; the days of one that says none are AWS's own."""
    recovery = in_template.get("PointInTimeRecoverySpecification", {})
    return {name: value for name, value in present.items() if name in recovery or name != "RecoveryPeriodInDays"}


def _key_as(in_template: Properties, present: str | None, region: str) -> str | None:
    """Return a replica's key as its template names it, by alias or id, as long as it is that key."""
    named = key_of(in_template)
    try:
        return named if named and find_arn(named, region) == present else present
    except UnusableKey:
        return present
