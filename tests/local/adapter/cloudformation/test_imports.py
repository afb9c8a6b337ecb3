"""A resource that exists is imported into a stack as it is, and its physical id leads to the stack that has it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, take_in, update
from local.adapter.templates import HANDLE, TABLE, bucket, kept, log_group, names, table

_TABLE = {"Table": {"TableName": TABLE}}


def _make_table(account: Account, region: str = PRIMARY, name: str = TABLE) -> None:
    account.dynamodb(region).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


def _plan(account: Account, name: str, resources: dict[str, Any], region: str = PRIMARY, **more: Any) -> Any:
    """Make an import of the table and return its description."""
    client, kind = account.cloudformation(region), resources["Table"]["Type"]
    target = {"ResourceType": kind, "LogicalResourceId": "Table", "ResourceIdentifier": {"TableName": TABLE}}
    made = client.create_change_set(
        **{
            "StackName": name,
            "ChangeSetName": "import",
            "ChangeSetType": "IMPORT",
            "ResourcesToImport": [target],
            "TemplateBody": json.dumps({"Resources": resources}),
            **more,
        }
    )
    return client.describe_change_set(ChangeSetName=made["Id"])


def test_a_new_stack_takes_a_table_in_and_changes_nothing_of_it(account: Account) -> None:
    _make_table(account)
    client = account.dynamodb()
    client.put_item(TableName=TABLE, Item={"id": {"S": "1"}})
    before = client.describe_table(TableName=TABLE)["Table"]
    imported = take_in(account, "new", kept(table({"Region": PRIMARY})), _TABLE)
    assert imported.status == "IMPORT_COMPLETE"
    assert [each["ResourceChange"]["Action"] for each in imported.changes] == ["Import"]
    assert client.describe_table(TableName=TABLE)["Table"] == before
    assert client.scan(TableName=TABLE)["Count"] == 1


def test_the_next_update_brings_the_replica_that_the_template_lists(account: Account) -> None:
    _make_table(account)
    account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "1"}})
    take_in(account, "new", kept(table({"Region": PRIMARY})), _TABLE)
    assert update(account, "new", kept(table())).status == "UPDATE_COMPLETE"
    assert account.dynamodb(SECONDARY).scan(TableName=TABLE)["Count"] == 1


def test_a_stack_of_another_region_takes_in_what_its_owner_still_lists(account: Account) -> None:
    deploy(account, "first", kept(table()))
    assert take_in(account, "second", kept(table()), _TABLE, region=SECONDARY).status == "IMPORT_COMPLETE"
    assert _owner(account, TABLE) == "first"
    assert _owner(account, TABLE, SECONDARY) == "second"


@pytest.mark.parametrize("kind", ["AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table"])
def test_a_second_stack_of_the_same_region_does_not(account: Account, kind: str) -> None:
    properties = dict(table({"Region": PRIMARY})["Table"]["Properties"])
    if kind == "AWS::DynamoDB::Table":
        del properties["Replicas"]
    stack = deploy(account, "first", {"Table": {"Type": kind, "Properties": properties}}).stack
    refused = _plan(account, "second", kept(table()))
    assert (refused["Status"], refused["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert refused["StatusReason"] == f"{TABLE} already exists in stack {stack['StackId']}"


def test_what_does_not_exist_in_the_stack_s_region_is_not_imported(account: Account) -> None:
    _make_table(account, SECONDARY)
    assert _plan(account, "new", kept(table()))["StatusReason"] == f"Table: {TABLE} does not exist."


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        pytest.param(table({"Region": SECONDARY}), "must include the region of the stack", id="own-region"),
        pytest.param(table(Nonsense="any"), "extraneous key [Nonsense] is not permitted", id="property"),
    ],
)
def test_a_failed_import_leaves_the_table_and_owns_nothing(
    account: Account, resources: dict[str, Any], reason: str
) -> None:
    _make_table(account)
    deploy(account, "old", HANDLE)
    for stack, also, status in (("old", HANDLE, "IMPORT_ROLLBACK_COMPLETE"), ("new", {}, "ROLLBACK_COMPLETE")):
        failed = take_in(account, stack, {**also, **kept(resources)}, _TABLE)
        assert failed.status == status
        assert reason in failed.reason
    assert account.dynamodb().list_tables()["TableNames"] == [TABLE]
    assert take_in(account, "old", {**HANDLE, **kept(table({"Region": PRIMARY}))}, _TABLE).status == "IMPORT_COMPLETE"


_OUTPUT = {"Name": {"Value": {"Ref": "Table"}}}


@pytest.mark.parametrize(
    ("resources", "more", "reason"),
    [
        pytest.param({**HANDLE, **table()}, {}, r"\[Table\] must have DeletionPolicy", id="no-policy"),
        pytest.param(kept(table()), {}, r"\[Handle\]", id="removes"),
        pytest.param({**kept(HANDLE), **kept(table())}, {}, r"modified resources \[Handle\]", id="changes"),
        pytest.param({**HANDLE, **kept(table()), **log_group("/a")}, {}, r"\[LogGroup\] is missing", id="adds"),
        pytest.param(
            {**HANDLE, **kept(table())}, {"Tags": [{"Key": "a", "Value": "b"}]}, r"modify or add \[Tags\]", id="tags"
        ),
        pytest.param(
            {**HANDLE, **kept(table())},
            {"RoleARN": "arn:aws:iam::123456789012:role/another", "Tags": [{"Key": "a", "Value": "b"}]},
            r"modify or add \[RoleArn, Tags\]",
            id="role",
        ),
    ],
)
def test_an_import_does_nothing_else(
    account: Account, resources: dict[str, Any], more: Mapping[str, Any], reason: str
) -> None:
    _make_table(account)
    deploy(account, "old", HANDLE)
    with pytest.raises(ClientError, match=reason):
        _plan(account, "old", resources, **more)


def test_a_change_set_imports_a_table_that_exists_where_that_is_said(account: Account) -> None:
    _make_table(account)
    resources = {**kept(table({"Region": PRIMARY})), **log_group("/a")}
    made = deploy(account, "new", resources, ImportExistingResources=True)
    assert {each["ResourceChange"]["Action"] for each in made.changes} == {"Import", "Add"}
    assert made.status == "CREATE_COMPLETE"
    assert _owner(account, TABLE) == "new"


def test_an_import_adds_no_outputs(account: Account) -> None:
    _make_table(account)
    body = json.dumps({"Resources": kept(table()), "Outputs": _OUTPUT})
    with pytest.raises(ClientError, match=r"cannot modify or add \[Outputs\]"):
        _plan(account, "new", kept(table()), TemplateBody=body)
    take_in(account, "new", kept(table({"Region": PRIMARY})), _TABLE)
    made = deploy(account, "new", kept(table({"Region": PRIMARY})), kind="UPDATE", outputs=_OUTPUT)
    assert made.outputs == {"Name": TABLE}


def test_another_order_of_what_is_not_imported_is_a_change(account: Account) -> None:
    _make_table(account)
    both = {**HANDLE, "Second": HANDLE["Handle"]}
    deploy(account, "old", both)
    waits = {**both, "Second": {**HANDLE["Handle"], "DependsOn": "Handle"}}
    with pytest.raises(ClientError, match=r"modified resources \[Second\]"):
        _plan(account, "old", {**waits, **kept(table())})


def test_a_template_that_cannot_be_read_is_refused_as_ever(account: Account) -> None:
    with pytest.raises(ClientError, match="Template format error"):
        _plan(account, "new", kept(table()), TemplateBody="Resources: [")


@pytest.mark.parametrize("given", [{"Tags": [{"Key": "team", "Value": "red"}]}, {}])
def test_the_tags_that_a_stack_has_may_be_sent_again(account: Account, given: Mapping[str, Any]) -> None:
    _make_table(account)
    deploy(account, "old", HANDLE, Tags=[{"Key": "team", "Value": "red"}])
    assert _plan(account, "old", {**HANDLE, **kept(table())}, **given)["ExecutionStatus"] == "AVAILABLE"


def test_a_stack_in_review_has_no_tags_to_send_again(account: Account) -> None:
    _make_table(account)
    tags = [{"Key": "team", "Value": "red"}]
    account.cloudformation().create_change_set(
        StackName="new",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": HANDLE}),
        Tags=tags,  # type: ignore[arg-type]  # a literal
    )
    with pytest.raises(ClientError, match=r"modify or add \[Tags\]"):
        _plan(account, "new", kept(table()), Tags=tags)


def test_a_stack_that_rolled_back_takes_nothing_in(account: Account) -> None:
    deploy(account, "bad", bucket("Not_A_Bucket"))
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state"):
        _plan(account, "bad", kept(table()))


def test_a_table_that_is_let_go_keeps_its_replicas_and_its_items_and_is_taken_in_elsewhere(account: Account) -> None:
    deploy(account, "old", {**HANDLE, **table()})
    account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "1"}})
    held = update(account, "old", {**HANDLE, **kept(table())})
    assert held.status == "UPDATE_COMPLETE"
    [row] = [each["ResourceChange"] for each in held.changes]
    assert (row["Action"], row["Scope"]) == ("Modify", ["DeletionPolicy", "UpdateReplacePolicy"])
    let_go = update(account, "old", HANDLE)
    [row] = [each["ResourceChange"] for each in let_go.changes]
    assert (row["Action"], row["PolicyAction"]) == ("Remove", "Retain")
    with pytest.raises(ClientError, match=f"Stack for {TABLE} does not exist"):
        _owner(account, TABLE)
    assert take_in(account, "new", kept(table()), _TABLE, region=SECONDARY).status == "IMPORT_COMPLETE"
    for region in (PRIMARY, SECONDARY):
        assert account.dynamodb(region).scan(TableName=TABLE)["Count"] == 1


def test_a_removal_goes_by_the_policy_that_is_deployed(account: Account) -> None:
    deploy(account, "old", {**HANDLE, **table()})
    [row] = [each["ResourceChange"] for each in update(account, "old", HANDLE).changes]
    assert row["PolicyAction"] == "Delete"
    for region in (PRIMARY, SECONDARY):
        assert account.dynamodb(region).list_tables()["TableNames"] == []


def test_a_stack_that_is_deleted_leaves_what_it_retains(account: Account) -> None:
    source, _ = names(account)
    deploy(account, "old", {**kept(table()), **kept(bucket(source))})
    for body in (b"one", b"two"):
        account.s3().put_object(Bucket=source, Key="k", Body=body)
    assert destroy(account, "old").status == "DELETE_COMPLETE"
    assert (
        [TABLE]
        == account.dynamodb().list_tables()["TableNames"]
        == account.dynamodb(SECONDARY).list_tables()["TableNames"]
    )
    assert len(account.s3().list_object_versions(Bucket=source)["Versions"]) == 2


# -- which stack has what


def _owner(account: Account, physical_id: str, region: str = PRIMARY) -> str:
    """Return the name of the stack that has it."""
    answer = account.cloudformation(region).describe_stack_resources(PhysicalResourceId=physical_id)
    [name] = {each["StackName"] for each in answer["StackResources"]}
    return name


def test_a_stack_is_found_by_any_of_its_resources(account: Account) -> None:
    source, _ = names(account)
    deploy(account, "one", {**bucket(source), **log_group("/a")})
    resources = account.cloudformation().describe_stack_resources(PhysicalResourceId=source)["StackResources"]
    assert {each["LogicalResourceId"] for each in resources} == {"Bucket", "LogGroup"}
    with pytest.raises(ClientError, match=f"Stack for {source} does not exist"):
        _owner(account, source, SECONDARY)
    destroy(account, "one")
    with pytest.raises(ClientError, match=f"Stack for {source} does not exist"):
        _owner(account, source)


@pytest.mark.parametrize("query", [{}, {"StackName": "one", "PhysicalResourceId": "/a"}])
def test_a_stack_is_asked_for_by_one_of_its_names(account: Account, query: dict[str, str]) -> None:
    deploy(account, "one", log_group("/a"))
    with pytest.raises(ClientError, match="Either StackName or PhysicalResourceId"):
        account.cloudformation().describe_stack_resources(**query)


def test_a_template_s_summary_says_by_what_a_resource_is_imported(account: Account) -> None:
    resources = {**HANDLE, **table(), **bucket("any"), "Second": table()["Table"]}
    shown = account.cloudformation().get_template_summary(TemplateBody=json.dumps({"Resources": resources}))
    assert shown["ResourceIdentifierSummaries"] == [
        {
            "ResourceType": "AWS::DynamoDB::GlobalTable",
            "LogicalResourceIds": ["Table", "Second"],
            "ResourceIdentifiers": ["TableName"],
        },
        {"ResourceType": "AWS::S3::Bucket", "LogicalResourceIds": ["Bucket"], "ResourceIdentifiers": ["BucketName"]},
    ]
    deploy(account, "one", HANDLE)
    assert "ResourceIdentifierSummaries" not in account.cloudformation().get_template_summary(StackName="one")
