"""Every DynamoDB operation the fake knows, with the parameters it understands; SPEC.md has a heading for each."""

from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.dynamodb import describe, items, settings, tables, writes


def scan(request: Request, params: dict[str, Any]) -> Reply:
    """Answer Scan of the region's replica."""
    return items.scan(request, describe.table_named(request, params["TableName"]), params)


def batch_get_item(request: Request, params: dict[str, Any]) -> Reply:
    """Answer BatchGetItem of the region's replicas."""
    named = {name: describe.table_named(request, name) for name in params["RequestItems"]}
    return items.batch_get_item(request, named, params)


_NAMES = ("ProjectionExpression", "ExpressionAttributeNames")
OPERATIONS: dict[str, Operation] = {
    "CreateTable": mutates(
        tables.create_table,
        *("TableName", "KeySchema", "AttributeDefinitions", "BillingMode", "ProvisionedThroughput"),
        *("GlobalSecondaryIndexes", "LocalSecondaryIndexes", "StreamSpecification", "SSESpecification", "Tags"),
        *("TableClass", "DeletionProtectionEnabled", "OnDemandThroughput"),
    ),
    "UpdateTable": mutates(tables.update_table, *tables.UPDATE_PARAMETERS),
    "DeleteTable": mutates(tables.delete_table, "TableName"),
    "DescribeTable": reads(describe.describe_table, "TableName"),
    "DescribeTimeToLive": reads(describe.describe_time_to_live, "TableName"),
    "UpdateTimeToLive": mutates(settings.update_time_to_live, "TableName", "TimeToLiveSpecification"),
    "DescribeContinuousBackups": reads(describe.describe_continuous_backups, "TableName"),
    "UpdateContinuousBackups": mutates(
        settings.update_continuous_backups, "TableName", "PointInTimeRecoverySpecification"
    ),
    "ListTagsOfResource": reads(describe.list_tags_of_resource, "ResourceArn", "NextToken"),
    "TagResource": mutates(settings.tag_resource, "ResourceArn", "Tags"),
    "UntagResource": mutates(settings.untag_resource, "ResourceArn", "TagKeys"),
    "DescribeContributorInsights": reads(describe.describe_contributor_insights, "TableName", "IndexName"),
    "ListContributorInsights": reads(describe.list_contributor_insights, "TableName", "NextToken"),
    "UpdateContributorInsights": mutates(
        settings.update_contributor_insights,
        *("TableName", "IndexName", "ContributorInsightsAction", "ContributorInsightsMode"),
    ),
    "GetResourcePolicy": reads(describe.get_resource_policy, "ResourceArn"),
    "PutResourcePolicy": mutates(settings.put_resource_policy, "ResourceArn", "Policy"),
    "DeleteResourcePolicy": mutates(settings.delete_resource_policy, "ResourceArn"),
    "DescribeKinesisStreamingDestination": reads(describe.describe_kinesis_streaming_destination, "TableName"),
    "DescribeGlobalTable": reads(describe.describe_global_table, "GlobalTableName"),
    "Scan": reads(
        scan, "TableName", "ConsistentRead", "ExclusiveStartKey", "Limit", "Segment", "TotalSegments", *_NAMES
    ),
    "BatchGetItem": reads(batch_get_item, "RequestItems"),
    "PutItem": mutates(writes.put_item, "TableName", "Item"),
    "GetItem": reads(writes.get_item, "TableName", "Key", "ConsistentRead", *_NAMES),
    "DeleteItem": mutates(writes.delete_item, "TableName", "Key"),
    "BatchWriteItem": mutates(writes.batch_write_item, "RequestItems"),
    "Query": reads(
        writes.query,
        *("TableName", "KeyConditionExpression", "ExpressionAttributeValues", "ConsistentRead", "Limit"),
        *("ExclusiveStartKey", "ScanIndexForward", *_NAMES),
    ),
}
