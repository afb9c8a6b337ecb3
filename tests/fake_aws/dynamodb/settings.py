"""Calls that change a table's settings of its own: time to live, recovery, tags, insights, policies.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html,
API_UpdateContinuousBackups, API_TagResource, API_UntagResource, API_UpdateContributorInsights, API_PutResourcePolicy
and API_DeleteResourcePolicy
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.dynamodb.describe import insights, recovery, table_named
from fake_aws.dynamodb.records import Expiry, Table
from fake_aws.refusals import AwsRefusal, Unsupported

Params = dict[str, Any]


def update_time_to_live(request: Request, params: Params) -> Reply:
    """Answer UpdateTimeToLive: of all regions at once, and of none while the last change is processed."""
    table, world = table_named(request, params["TableName"]), request.world
    specification = params["TimeToLiveSpecification"]
    was = table.expiry
    if world.now < was.until:
        raise _invalid("Time to live has been modified multiple times within a fixed interval")
    if specification["Enabled"] == was.enabled:
        raise _invalid(f"TimeToLive is already {'enabled' if was.enabled else 'disabled'}")
    if was.enabled and specification["AttributeName"] != was.attribute:
        raise _invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {was.attribute}")
    table.expiry = Expiry(specification["AttributeName"], specification["Enabled"], world.now + world.expiry_change_s)
    return {"TimeToLiveSpecification": specification}


def update_continuous_backups(request: Request, params: Params) -> Reply:
    """Answer UpdateContinuousBackups, of the region's replica."""
    table = table_named(request, params["TableName"], code="TableNotFoundException")
    replica, specification = table.replicas[request.region], params["PointInTimeRecoverySpecification"]
    replica.settings.pop("PointInTimeRecoverySpecification", None)
    if specification["PointInTimeRecoveryEnabled"]:
        replica.settings["PointInTimeRecoverySpecification"] = specification
    return {"ContinuousBackupsDescription": recovery(replica)}


def tag_resource(request: Request, params: Params) -> Reply:
    """Answer TagResource, of the region's replica."""
    tags = _tags(request, params) | {each["Key"]: each["Value"] for each in params["Tags"]}
    return _retag(request, params, tags)


def untag_resource(request: Request, params: Params) -> Reply:
    """Answer UntagResource, of the region's replica."""
    tags = {key: value for key, value in _tags(request, params).items() if key not in params["TagKeys"]}
    return _retag(request, params, tags)


def _tags(request: Request, params: Params) -> dict[str, str]:
    replica = table_named(request, params["ResourceArn"]).replicas[request.region]
    return {each["Key"]: each["Value"] for each in replica.settings.get("Tags", [])}


def _retag(request: Request, params: Params, tags: dict[str, str]) -> Reply:
    settings = table_named(request, params["ResourceArn"]).replicas[request.region].settings
    settings["Tags"] = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    return {}


def update_contributor_insights(request: Request, params: Params) -> Reply:
    """Answer UpdateContributorInsights, of the region's table; of an index it is refused loudly."""
    if "IndexName" in params:
        raise Unsupported("UpdateContributorInsights of an index")
    table = table_named(request, params["TableName"])
    specification = {"Enabled": params["ContributorInsightsAction"] == "ENABLE"}
    specification |= {"Mode": params["ContributorInsightsMode"]} if "ContributorInsightsMode" in params else {}
    table.replicas[request.region].settings["ContributorInsightsSpecification"] = specification
    return {"TableName": table.name, **insights(table, request.region, "")}


def put_resource_policy(request: Request, params: Params) -> Reply:
    """Answer PutResourcePolicy, of a table or of its stream."""
    _policy_holder(request, params)["ResourcePolicy"] = {"PolicyDocument": params["Policy"]}
    return {"RevisionId": "1"}


def delete_resource_policy(request: Request, params: Params) -> Reply:
    """Answer DeleteResourcePolicy; that there is none is no error."""
    had = _policy_holder(request, params).pop("ResourcePolicy", None)
    return {"RevisionId": "1" if had else None}


def _policy_holder(request: Request, params: Params) -> dict[str, Any]:
    arn = params["ResourceArn"]
    table: Table = table_named(request, arn.partition("/stream/")[0])
    settings = table.replicas[request.region].settings
    if "/stream/" not in arn:
        return settings
    holder: dict[str, Any] = settings.setdefault("ReplicaStreamSpecification", {})
    return holder


def _invalid(text: str) -> AwsRefusal:
    return AwsRefusal("ValidationException", text)
