"""Everything an account holds in the services we use, asked of boto3 alone: nothing of the builder's own eyes."""

from typing import Any

import boto3

REGIONS = ("us-east-1", "us-west-2")


def inventory(session: boto3.Session) -> dict[str, Any]:
    contents: dict[str, Any] = {"iam": _roles(session), "s3": _buckets(session)}
    for region in REGIONS:
        contents[region] = {
            "stacks": _stacks(session, region),
            "tables": _tables(session, region),
            "functions": _functions(session, region),
            "log groups": sorted(
                group["logGroupName"]
                for page in session.client("logs", region).get_paginator("describe_log_groups").paginate()
                for group in page["logGroups"]
            ),
        }
    return contents


def _roles(session: boto3.Session) -> dict[str, Any]:
    client = session.client("iam")
    return {
        role["RoleName"]: sorted(client.list_role_policies(RoleName=role["RoleName"])["PolicyNames"])
        for page in client.get_paginator("list_roles").paginate()
        for role in page["Roles"]
    }


def _buckets(session: boto3.Session) -> dict[str, Any]:
    client = session.client("s3")
    versions = {}
    for bucket in client.list_buckets()["Buckets"]:
        pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket["Name"])
        versions[bucket["Name"]] = sorted(
            (version["Key"], version["VersionId"])
            for page in pages
            for version in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        )
    return versions


def _stacks(session: boto3.Session, region: str) -> dict[str, Any]:
    client = session.client("cloudformation", region)
    return {
        stack["StackName"]: (
            stack["StackStatus"],
            stack.get("LastUpdatedTime"),
            [
                change_set["ChangeSetName"]
                for change_set in client.list_change_sets(StackName=stack["StackName"])["Summaries"]
            ],
        )
        for page in client.get_paginator("describe_stacks").paginate()
        for stack in page["Stacks"]
    }


def _tables(session: boto3.Session, region: str) -> dict[str, Any]:
    client = session.client("dynamodb", region)
    return {
        name: client.scan(TableName=name)["Items"]
        for page in client.get_paginator("list_tables").paginate()
        for name in page["TableNames"]
    }


def _functions(session: boto3.Session, region: str) -> dict[str, Any]:
    client = session.client("lambda", region)
    return {
        function["FunctionName"]: (function["CodeSha256"], function["LastModified"])
        for page in client.get_paginator("list_functions").paginate()
        for function in page["Functions"]
    }
