"""Drift of a global table, of which the emulator detects none, and of more of a bucket than its versioning.

As on AWS only what the template says is compared, so a reader shows a replica by the properties that the template gives
it; a replica the template does not have is shown by its region.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from builder.local.adapter import global_table, replica, replication
from builder.local.adapter.emulator import touch

Properties = Mapping[str, Any]
Reader = Callable[[str, Properties], dict[str, Any] | None]

_DDB = "ministack.services.dynamodb"
_S3 = "ministack.services.s3"
_TABLE_PROPERTIES = frozenset({"BillingMode", "Replicas", "StreamSpecification", "TableName"})
_BUCKET = "AWS::S3::Bucket"


def install() -> None:
    """Add a reader for global tables, and let the one for buckets see rules and tags."""
    readers = touch("ministack.services.cloudformation.drift:_DRIFT_READERS")
    readers[global_table.TYPE] = (_read_table, _TABLE_PROPERTIES)
    read, supported = readers[_BUCKET]
    readers[_BUCKET] = (_make_bucket_reader(read), supported | {"ReplicationConfiguration", "Tags"})


def _read_table(physical_id: str, props: Properties) -> dict[str, Any] | None:
    """Return a table as its template would have to describe it, or None if it is gone."""
    regions = global_table.find_regions(physical_id)
    if not regions:
        return None
    table = global_table.find_table(physical_id, regions[0]) or {}
    wanted = replica.by_region(props)
    present = [region for region in wanted if region in regions]
    return {
        "TableName": physical_id,
        "BillingMode": table["BillingModeSummary"]["BillingMode"],
        "StreamSpecification": {"StreamViewType": (table["StreamSpecification"] or {}).get("StreamViewType")},
        "Replicas": [
            *(_read_replica(physical_id, region, wanted[region]) for region in present),
            *({"Region": region} for region in regions if region not in wanted),
        ],
    }


def _read_replica(table: str, region: str, wanted: Properties) -> dict[str, Any]:
    """Return a replica with the properties `wanted` has: what can be read as it is, the rest as wanted."""
    account = touch("ministack.core.responses:get_account_id")()
    with touch("ministack.core.responses:request_scope")(account, region):
        found = touch(f"{_DDB}:_tables")[table]
        insights = touch(f"{_DDB}:_contributor_insights").get(table, {}).get("ContributorInsightsStatus", "")
        present = {
            "DeletionProtectionEnabled": found.get("DeletionProtectionEnabled", False),
            "TableClass": found.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
            "Tags": touch(f"{_DDB}:_tags").get(found["TableArn"], []),
            "PointInTimeRecoverySpecification": {
                "PointInTimeRecoveryEnabled": touch(f"{_DDB}:_pitr_settings").get(table, False)
            },
            "ContributorInsightsSpecification": {"Enabled": insights.startswith("ENABL")},
        }
    return {name: present.get(name, value) for name, value in wanted.items()}


def _make_bucket_reader(read: Reader) -> Reader:
    def read_bucket(physical_id: str, props: Properties) -> dict[str, Any] | None:
        found = read(physical_id, props)
        if found is None:
            return None
        found["Tags"] = touch(f"{_S3}:_bucket_tags").get(physical_id, {})
        if rules := touch(f"{_S3}:_bucket_replication").get(physical_id):
            found["ReplicationConfiguration"] = replication.read_configuration(rules)
        return found

    return read_bucket
