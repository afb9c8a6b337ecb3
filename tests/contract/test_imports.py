"""What the deployer relies on where a resource moves from one stack to another: released, retained, imported."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.stand_ins import StandIn

EAST, WEST = "us-east-1", "us-west-2"
TABLE = "contract-of-moves"
HANDLE = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
Resources = dict[str, Any]


def _table(*regions: str, **more: Any) -> Resources:
    properties = {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Replicas": [{"Region": region} for region in regions or (EAST, WEST)],
        **more,
    }
    return {"Table": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}}


def _bucket_name(aws: StandIn) -> str:
    return f"contract-that-moves-{aws.account}"


def _bucket(aws: StandIn) -> Resources:
    properties = {"BucketName": _bucket_name(aws), "VersioningConfiguration": {"Status": "Enabled"}}
    return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}


def _kept(resources: Resources) -> Resources:
    policies = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {name: {**each, **policies} for name, each in resources.items()}


def _plan(aws: StandIn, stack: str, resources: Resources, kind: str, region: str = EAST, **more: Any) -> dict[str, Any]:
    """Make a change set; return its description."""
    client = aws.client("cloudformation", region)
    known = client.get_paginator("describe_stacks").paginate().build_full_result()["Stacks"]
    count = sum(len(client.list_change_sets(StackName=each["StackName"])["Summaries"]) for each in known)
    made = client.create_change_set(
        StackName=stack,
        ChangeSetName=f"made-{count}-{kind}-{len(json.dumps(resources))}",
        ChangeSetType=kind,
        TemplateBody=json.dumps({"Resources": resources, **more.pop("sections", {})}),
        **more,
    )
    aws.settle()
    shown: dict[str, Any] = client.describe_change_set(ChangeSetName=made["Id"])
    return shown


def _import(aws: StandIn, stack: str, resources: Resources, region: str = EAST, **more: Any) -> dict[str, Any]:
    """Make a change set that imports what is named like ours; return its description."""
    name = _bucket_name(aws)
    named = {"Table": {"TableName": TABLE}, "Bucket": {"BucketName": name}, "Policy": {"Bucket": name}}
    targets = [
        {"ResourceType": resources[name]["Type"], "LogicalResourceId": name, "ResourceIdentifier": identifier}
        for name, identifier in named.items()
        if name in resources
    ]
    return _plan(aws, stack, resources, "IMPORT", region, **{"ResourcesToImport": targets, **more})


def _execute(aws: StandIn, planned: dict[str, Any], region: str = EAST) -> str:
    """Execute a change set; return its stack's status."""
    assert planned["ExecutionStatus"] == "AVAILABLE", planned.get("StatusReason")
    client = aws.client("cloudformation", region)
    client.execute_change_set(ChangeSetName=planned["ChangeSetId"])
    aws.settle()
    return str(client.describe_stacks(StackName=planned["StackId"])["Stacks"][0]["StackStatus"])


def _deploy(aws: StandIn, stack: str, resources: Resources, kind: str = "CREATE", region: str = EAST) -> None:
    assert _execute(aws, _plan(aws, stack, resources, kind, region), region) == f"{kind}_COMPLETE"


def _delete(aws: StandIn, stack: str, region: str = EAST) -> None:
    aws.client("cloudformation", region).delete_stack(StackName=stack)
    aws.settle()


def _rows(planned: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in planned["Changes"]}


def _regions(aws: StandIn) -> list[str]:
    return [each for each in (EAST, WEST) if _is_there(aws.client("dynamodb", each))]


def _is_there(client: Any) -> bool:
    try:
        client.describe_table(TableName=TABLE)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def _owner(aws: StandIn, physical_id: str, region: str = EAST) -> str:
    answer = aws.client("cloudformation", region).describe_stack_resources(PhysicalResourceId=physical_id)
    return str(answer["StackResources"][0]["StackName"])


@pytest.fixture
def released(aws: StandIn) -> None:
    """A table in two regions and a bucket that no stack has, left by the stack `old`."""
    _deploy(aws, "old", {**HANDLE, **_kept({**_table(), **_bucket(aws)})})
    _deploy(aws, "old", HANDLE, "UPDATE")


def test_another_end_of_a_resource_is_a_change_that_touches_nothing(aws: StandIn) -> None:
    _deploy(aws, "old", {**HANDLE, **_table()})
    before = aws.client("dynamodb").describe_table(TableName=TABLE)["Table"]
    planned = _plan(aws, "old", {**HANDLE, **_kept(_table())}, "UPDATE")
    row = _rows(planned)["Table"]
    assert (row["Action"], row["Replacement"]) == ("Modify", "False")
    assert sorted(row["Scope"]) == ["DeletionPolicy", "UpdateReplacePolicy"]
    assert _execute(aws, planned) == "UPDATE_COMPLETE"
    assert aws.client("dynamodb").describe_table(TableName=TABLE)["Table"] == before


@pytest.mark.parametrize("retained", [True, False])
def test_a_removal_goes_by_the_policy_that_is_deployed(aws: StandIn, *, retained: bool) -> None:
    _deploy(aws, "old", {**HANDLE, **(_kept(_table()) if retained else _table())})
    planned = _plan(aws, "old", HANDLE, "UPDATE")
    row = _rows(planned)["Table"]
    assert (row["Action"], row["PolicyAction"]) == ("Remove", "Retain" if retained else "Delete")
    assert _execute(aws, planned) == "UPDATE_COMPLETE"
    assert _regions(aws) == ([EAST, WEST] if retained else [])


def test_a_deletion_leaves_what_its_stack_retains(aws: StandIn) -> None:
    _deploy(aws, "old", _kept({**_table(), **_bucket(aws)}))
    _delete(aws, "old")
    assert _regions(aws) == [EAST, WEST]
    assert aws.client("s3").get_bucket_versioning(Bucket=_bucket_name(aws))["Status"] == "Enabled"


@pytest.mark.usefixtures("released")
def test_what_was_released_is_imported_by_a_new_stack_and_shown_as_that(aws: StandIn) -> None:
    planned = _import(aws, "new", _kept({**_table(), **_bucket(aws)}))
    assert {name: row["Action"] for name, row in _rows(planned).items()} == {"Table": "Import", "Bucket": "Import"}
    assert {name: row["PhysicalResourceId"] for name, row in _rows(planned).items()} == {
        "Table": TABLE,
        "Bucket": _bucket_name(aws),
    }
    assert _execute(aws, planned) == "IMPORT_COMPLETE"
    assert _owner(aws, TABLE) == "new"
    assert _regions(aws) == [EAST, WEST]


@pytest.mark.usefixtures("released")
def test_the_other_region_imports_the_table_with_its_replicas_and_then_owns_it(aws: StandIn) -> None:
    _deploy(aws, "new", HANDLE, region=WEST)
    assert _execute(aws, _import(aws, "new", {**HANDLE, **_kept(_table())}, WEST), WEST) == "IMPORT_COMPLETE"
    assert _owner(aws, TABLE, WEST) == "new"
    expiry = {"AttributeName": "until", "Enabled": True}
    _deploy(aws, "new", {**HANDLE, **_kept(_table(TimeToLiveSpecification=expiry))}, "UPDATE", WEST)
    shown = aws.client("dynamodb", EAST).describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    assert shown["TimeToLiveStatus"] in {"ENABLED", "ENABLING"}  # AWS takes up to an hour
    assert shown["AttributeName"] == "until"


def test_a_stack_of_another_region_may_import_what_its_owner_still_lists(aws: StandIn) -> None:
    _deploy(aws, "old", _table())
    assert _execute(aws, _import(aws, "new", _kept(_table()), WEST), WEST) == "IMPORT_COMPLETE"
    assert (_owner(aws, TABLE), _owner(aws, TABLE, WEST)) == ("old", "new")


def test_a_stack_of_the_same_region_may_not(aws: StandIn) -> None:
    _deploy(aws, "old", _table())
    refused = _import(aws, "new", _kept(_table()))
    assert (refused["Status"], refused["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "already exists in stack" in refused["StatusReason"]


def test_what_is_not_there_is_not_imported(aws: StandIn) -> None:
    refused = _import(aws, "new", _kept(_table()))
    assert (refused["Status"], refused["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "does not exist" in refused["StatusReason"]


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("resources", "more", "says"),
    [
        pytest.param({**HANDLE, **_table()}, {}, "must have DeletionPolicy", id="no-policy"),
        pytest.param({**_kept(HANDLE), **_kept(_table())}, {}, "modified resources [Handle]", id="changes"),
        pytest.param(
            {**HANDLE, **_kept(_table())},
            {"sections": {"Outputs": {"Name": {"Value": TABLE}}}},
            "cannot modify or add [Outputs]",
            id="outputs",
        ),
    ],
)
def test_an_import_does_nothing_else(aws: StandIn, resources: Resources, more: dict[str, Any], says: str) -> None:
    try:
        planned = _import(aws, "old", resources, **more)
    except ClientError as error:
        planned = {"Status": "FAILED", "StatusReason": str(error)}
    assert planned["Status"] == "FAILED"
    assert says in planned["StatusReason"]


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize("stack", ["old", "new"])
def test_an_import_brings_no_tags(aws: StandIn, stack: str) -> None:
    also = HANDLE if stack == "old" else {}
    with pytest.raises(ClientError, match=r"cannot modify or add \[Tags\]"):
        _import(aws, stack, {**also, **_kept(_table())}, Tags=[{"Key": "a", "Value": "b"}])


def test_what_nobody_lists_has_no_stack(aws: StandIn) -> None:
    with pytest.raises(ClientError, match=f"Stack for {TABLE} does not exist") as refused:
        _owner(aws, TABLE)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_a_template_says_by_what_its_resources_are_imported(aws: StandIn) -> None:
    body = json.dumps({"Resources": {**HANDLE, **_table(), **_bucket(aws)}})
    shown = aws.client("cloudformation").get_template_summary(TemplateBody=body)["ResourceIdentifierSummaries"]
    assert {each["ResourceType"]: each["ResourceIdentifiers"] for each in shown} == {
        "AWS::DynamoDB::GlobalTable": ["TableName"],
        "AWS::S3::Bucket": ["BucketName"],
    }


# -- two owners, and what an import leaves out or finds in its place


def _recovered(*regions: str) -> Resources:
    """Return the table with point-in-time recovery in these regions, and without it in the others."""
    return _table(
        Replicas=[
            {
                "Region": region,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": region in regions},
            }
            for region in (EAST, WEST)
        ]
    )


def _recovery(aws: StandIn) -> list[str]:
    """Return what point-in-time recovery is in the east and in the west."""
    clients = [aws.client("dynamodb", region) for region in (EAST, WEST)]
    shown = [client.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"] for client in clients]
    return [each["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] for each in shown]


def test_each_of_two_owners_reverts_what_the_other_made_of_the_table(aws: StandIn) -> None:
    _deploy(aws, "old", _recovered())
    assert _execute(aws, _import(aws, "new", _kept(_recovered()), WEST), WEST) == "IMPORT_COMPLETE"
    _deploy(aws, "new", _kept(_recovered(WEST)), "UPDATE", WEST)
    assert _recovery(aws) == ["DISABLED", "ENABLED"]
    _deploy(aws, "old", _recovered(EAST), "UPDATE")
    assert _recovery(aws) == ["ENABLED", "DISABLED"]


@pytest.mark.parametrize(("stack", "region"), [("old", EAST), ("new", WEST)])
def test_a_deletion_by_either_owner_takes_every_replica(aws: StandIn, stack: str, region: str) -> None:
    _deploy(aws, "old", _table())
    owned = {"Table": {**_table()["Table"], "DeletionPolicy": "Delete"}}
    assert _execute(aws, _import(aws, "new", owned, WEST), WEST) == "IMPORT_COMPLETE"
    _delete(aws, stack, region)
    assert _regions(aws) == []


def test_the_removal_by_one_owner_that_retains_leaves_the_other_s(aws: StandIn) -> None:
    _deploy(aws, "old", {**HANDLE, **_kept(_table())})
    assert _execute(aws, _import(aws, "new", _kept(_table()), WEST), WEST) == "IMPORT_COMPLETE"
    _deploy(aws, "old", HANDLE, "UPDATE")
    assert _regions(aws) == [EAST, WEST]
    assert _owner(aws, TABLE, WEST) == "new"


@pytest.mark.usefixtures("released")
def test_an_import_leaves_a_replica_that_it_does_not_list_and_the_next_change_of_replicas_deletes_it(
    aws: StandIn,
) -> None:
    imported = _import(aws, "new", _kept(_table(EAST)))
    assert _execute(aws, imported) == "IMPORT_COMPLETE"
    assert _regions(aws) == [EAST, WEST]
    protected = _table(Replicas=[{"Region": EAST, "DeletionProtectionEnabled": True}])
    _deploy(aws, "new", _kept(protected), "UPDATE")
    assert _regions(aws) == [EAST]


@pytest.mark.usefixtures("released")
def test_an_import_without_the_stack_s_region_among_the_replicas_fails_and_owns_nothing(aws: StandIn) -> None:
    _deploy(aws, "new", HANDLE, region=WEST)
    planned = _import(aws, "new", {**HANDLE, **_kept(_table(EAST))}, WEST)
    assert _execute(aws, planned, WEST) == "IMPORT_ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match=f"Stack for {TABLE} does not exist"):
        _owner(aws, TABLE, WEST)
    assert _regions(aws) == [EAST, WEST]


def _policy(aws: StandIn, sid: str) -> Resources:
    properties = {"Bucket": _bucket_name(aws), "PolicyDocument": _document(aws, sid)}
    return {"Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}


def _document(aws: StandIn, sid: str) -> dict[str, Any]:
    resource = f"arn:aws:s3:::{_bucket_name(aws)}/*"
    statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _sid(aws: StandIn) -> str:
    policy = json.loads(aws.client("s3").get_bucket_policy(Bucket=_bucket_name(aws))["Policy"])
    return str(policy["Statement"][0]["Sid"])


@pytest.mark.usefixtures("released")
def test_a_bucket_s_policy_is_imported_and_not_made_where_there_is_one(aws: StandIn) -> None:
    document = json.dumps(_document(aws, "Theirs"))
    aws.client("s3").put_bucket_policy(Bucket=_bucket_name(aws), Policy=document)
    planned = _plan(aws, "old", {**HANDLE, **_policy(aws, "Ours")}, "UPDATE")
    assert planned["Status"] == "FAILED" or _execute(aws, planned) == "UPDATE_ROLLBACK_COMPLETE"
    assert _sid(aws) == "Theirs"
    taken = _import(aws, "new", _kept({**_bucket(aws), **_policy(aws, "Theirs")}))
    assert _execute(aws, taken) == "IMPORT_COMPLETE"
    _deploy(aws, "new", _kept({**_bucket(aws), **_policy(aws, "Ours")}), "UPDATE")
    assert _sid(aws) == "Ours"


@pytest.mark.usefixtures("released")
def test_a_stack_s_tags_are_put_on_a_bucket_that_it_imports(aws: StandIn) -> None:
    tags = [{"Key": "team", "Value": "red"}]
    assert _execute(aws, _plan(aws, "new", HANDLE, "CREATE", Tags=tags)) == "CREATE_COMPLETE"
    taken = _import(aws, "new", {**HANDLE, **_kept(_bucket(aws))}, Tags=tags)
    assert _execute(aws, taken) == "IMPORT_COMPLETE"
    shown = aws.client("s3").get_bucket_tagging(Bucket=_bucket_name(aws))["TagSet"]
    assert [each for each in shown if not each["Key"].startswith("aws:")] == tags
