"""What nobody could check of data that changes hands: imported, released, listed by two stacks."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from on_aws.lab import EAST, WEST, Lab, Template, rows

SHELL = {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
"""What a stack has that has nothing: it may not be empty, and a new one takes no tags by an import."""
RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
DELETE = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
EXPIRY: Any = {"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True}}
Resources = dict[str, Any]


def only(*resources: Resources) -> Template:
    """Return a template of these resources."""
    return {"Resources": {name: each for part in resources for name, each in part.items()}}


def table(
    lab: Lab, policies: dict[str, str], *, regions: tuple[str, ...] = (EAST, WEST), recovered: bool = False, **more: Any
) -> Resources:
    """Return a table that has the tests' tag itself; `recovered` is its point-in-time recovery in the west."""
    recovery = {WEST: {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": recovered}}}
    properties = {
        "TableName": lab.name("orders"),
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Replicas": [{"Region": region, "Tags": lab.tags, **recovery.get(region, {})} for region in regions],
        **more,
    }
    return {"Orders": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties, **policies}}


def bucket(lab: Lab, policies: dict[str, str], **more: Any) -> Resources:
    properties = {"BucketName": lab.name("objects"), **more}
    return {"Objects": {"Type": "AWS::S3::Bucket", "Properties": properties, **policies}}


def named(lab: Lab) -> dict[str, str]:
    return {"TableName": lab.name("orders")}


def recovery(lab: Lab) -> str:
    """Return what point-in-time recovery is in the west."""
    shown = lab.client("dynamodb", WEST).describe_continuous_backups(TableName=lab.name("orders"))
    return str(shown["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"])


def replicas(lab: Lab, region: str = EAST) -> set[str]:
    """Return the regions that a region's replica knows."""
    shown = lab.client("dynamodb", region).describe_table(TableName=lab.name("orders"))["Table"]
    return {region, *(each["RegionName"] for each in shown.get("Replicas", []))}


def items(lab: Lab, region: str) -> int:
    return len(lab.client("dynamodb", region).scan(TableName=lab.name("orders"), ConsistentRead=True)["Items"])


def own_in_the_west(lab: Lab, policies: dict[str, str], **more: Any) -> Lab:
    """Import the table there into a stack of its own; return the corner with the stacks there."""
    west = lab.there(WEST)
    west.deploy("second", only(SHELL))
    taken = west.take_in("second", only(SHELL, table(lab, policies, **more)), Orders=named(lab))
    assert {name: row["Action"] for name, row in rows(taken).items()} == {"Orders": "Import"}
    assert west.execute(taken) == "IMPORT_COMPLETE", west.reasons("second")
    return west


def test_a_stack_of_another_region_imports_a_table_that_its_owner_still_lists(lab: Lab) -> None:
    lab.deploy("first", only(table(lab, DELETE)))
    before = lab.client("dynamodb", WEST).describe_table(TableName=lab.name("orders"))["Table"]
    west = own_in_the_west(lab, RETAIN)
    after = lab.client("dynamodb", WEST).describe_table(TableName=lab.name("orders"))["Table"]
    assert (after["TableId"], after["TableStatus"]) == (before["TableId"], "ACTIVE")
    owners = [here.owner(lab.name("orders")) for here in (lab, west)]
    assert owners == [lab.name("first"), lab.name("second")]


def test_an_update_by_either_owner_forces_its_template_on_the_table(lab: Lab) -> None:
    lab.deploy("first", only(table(lab, DELETE)))
    west = own_in_the_west(lab, RETAIN)
    west.deploy("second", only(SHELL, table(lab, RETAIN, recovered=True)), "UPDATE")
    assert recovery(lab) == "ENABLED"
    lab.deploy("first", only(table(lab, DELETE, **EXPIRY)), "UPDATE")
    assert recovery(lab) == "DISABLED"


def test_a_table_that_is_let_go_is_taken_in_where_a_replica_is_and_loses_nothing(lab: Lab) -> None:
    lab.deploy("first", only(SHELL, table(lab, RETAIN)))
    lab.client("dynamodb", WEST).put_item(TableName=lab.name("orders"), Item={"id": {"S": "one"}})
    planned = lab.plan("first", only(SHELL), "UPDATE")
    row = rows(planned)["Orders"]
    assert (row["Action"], row["PolicyAction"]) == ("Remove", "Retain")
    assert lab.execute(planned) == "UPDATE_COMPLETE"
    assert lab.owner(lab.name("orders")) is None
    west = own_in_the_west(lab, RETAIN)
    assert replicas(lab, EAST) == replicas(lab, WEST) == {EAST, WEST}
    lab.until(lambda: items(lab, EAST) or None, "the item in the east")
    assert items(lab, WEST) == 1
    west.deploy("second", only(SHELL, table(lab, DELETE, **EXPIRY)), "UPDATE")
    shown = lab.client("dynamodb", EAST).describe_time_to_live(TableName=lab.name("orders"))["TimeToLiveDescription"]
    assert shown["AttributeName"] == "until"
    assert west.delete(west.describe("second")["StackId"]) == "DELETE_COMPLETE"


def test_a_replica_that_an_import_left_out_goes_with_the_next_update(lab: Lab) -> None:
    lab.deploy("first", only(table(lab, RETAIN)))
    assert lab.delete(lab.describe("first")["StackId"]) == "DELETE_COMPLETE"
    lab.deploy("second", only(SHELL))
    taken = lab.take_in("second", only(SHELL, table(lab, DELETE, regions=(EAST,))), Orders=named(lab))
    assert lab.execute(taken) == "IMPORT_COMPLETE"
    assert replicas(lab) == {EAST, WEST}
    lab.deploy("second", only(SHELL, table(lab, DELETE, regions=(EAST,), **EXPIRY)), "UPDATE")
    assert replicas(lab) == {EAST}


def test_an_import_without_the_stack_s_region_among_the_replicas_fails(lab: Lab) -> None:
    lab.deploy("first", only(table(lab, DELETE)))
    west = lab.there(WEST)
    west.deploy("second", only(SHELL))
    taken = west.take_in("second", only(SHELL, table(lab, RETAIN, regions=(EAST,))), Orders=named(lab))
    if taken["Status"] != "FAILED":
        assert west.execute(taken) == "IMPORT_ROLLBACK_COMPLETE"
    assert west.owner(lab.name("orders")) is None


def test_an_import_that_makes_a_stack_brings_no_tags(lab: Lab) -> None:
    with pytest.raises(ClientError, match=r"you cannot modify or add \[.*Tags\]"):
        lab.take_in("new", only(table(lab, RETAIN)), Orders=named(lab))


def test_another_deletion_policy_alone_touches_nothing(lab: Lab) -> None:
    versioned = {"VersioningConfiguration": {"Status": "Enabled"}}
    lab.deploy("stands", only(bucket(lab, DELETE, **versioned)))
    s3, by_hand = lab.client("s3"), {"Status": "Suspended"}
    s3.put_bucket_versioning(Bucket=lab.name("objects"), VersioningConfiguration=by_hand)
    planned = lab.plan("stands", only(bucket(lab, RETAIN, **versioned)), "UPDATE")
    row = rows(planned)["Objects"]
    assert (row["Action"], row["Replacement"]) == ("Modify", "False")
    assert sorted(row["Scope"]) == ["DeletionPolicy", "UpdateReplacePolicy"]
    assert lab.execute(planned) == "UPDATE_COMPLETE"
    assert s3.get_bucket_versioning(Bucket=lab.name("objects"))["Status"] == "Suspended"


def test_the_stack_that_has_a_bucket_and_its_policy_is_found_by_their_name(lab: Lab) -> None:
    name = lab.name("objects")
    lab.deploy("owns", only(bucket(lab, DELETE), policy(name)))
    assert lab.owner(name) == lab.name("owns")
    assert lab.there(WEST).owner(name) is None
    assert lab.owner(lab.name("nothing")) is None


def policy(name: str) -> Resources:
    """Return a policy of the bucket."""
    return {
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "DependsOn": "Objects",
            "Properties": {"Bucket": name, "PolicyDocument": document(name)},
        }
    }


def document(name: str) -> dict[str, Any]:
    statement = {
        "Sid": "TlsAlone",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize("is_same", [False, True], ids=["another", "the same"])
def test_a_bucket_policy_is_not_made_in_the_place_of_another(lab: Lab, *, is_same: bool) -> None:
    name, s3 = lab.name("objects"), lab.client("s3")
    lab.deploy("stands", only(bucket(lab, DELETE)))
    there = document(name)
    there["Statement"][0]["Sid"] = there["Statement"][0]["Sid"] if is_same else "Theirs"
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(there))
    before = s3.get_bucket_policy(Bucket=name)["Policy"]
    planned = lab.plan("stands", only(bucket(lab, DELETE), policy(name)), "UPDATE")
    assert planned["Status"] == "FAILED" or lab.execute(planned) == "UPDATE_ROLLBACK_COMPLETE"
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == json.loads(before)


def let_go_and_take_in(lab: Lab) -> None:
    """Have a bucket made by one stack, with settings that somebody added, imported by another that says its name."""
    name, s3 = lab.name("objects"), lab.client("s3")
    lab.deploy("made", only(bucket(lab, RETAIN)))
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}}
    cors = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"]}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [cors]})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    # With CloudFormation's own, which S3 lets nobody take away.
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [*tags_of(lab), {"Key": "team", "Value": "red"}]})
    assert lab.delete(lab.describe("made")["StackId"]) == "DELETE_COMPLETE"
    lab.deploy("takes", only(SHELL))
    taken = lab.take_in("takes", only(SHELL, bucket(lab, DELETE)), Objects={"BucketName": name})
    assert lab.execute(taken) == "IMPORT_COMPLETE", lab.reasons("takes")


def tags_of(lab: Lab) -> list[dict[str, str]]:
    tags: list[dict[str, str]] = lab.client("s3").get_bucket_tagging(Bucket=lab.name("objects"))["TagSet"]
    return tags


def settings(lab: Lab) -> list[object]:
    name, s3 = lab.name("objects"), lab.client("s3")
    return [
        [each["ID"] for each in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]],
        [each["AllowedOrigins"] for each in s3.get_bucket_cors(Bucket=name)["CORSRules"]],
        "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(Bucket=name),
        s3.get_bucket_versioning(Bucket=name)["Status"],
    ]


def test_what_a_template_does_not_say_of_a_bucket_stays_when_it_is_imported_and_updated(lab: Lab) -> None:
    let_go_and_take_in(lab)
    assert settings(lab) == [["old"], [["https://example.com"]], True, "Enabled"]
    owned: Any = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}}
    lab.deploy("takes", only(SHELL, bucket(lab, DELETE, **owned)), "UPDATE")
    assert settings(lab) == [["old"], [["https://example.com"]], True, "Enabled"]


def test_an_import_adds_the_stack_s_tags_to_a_bucket_s_own(lab: Lab) -> None:
    let_go_and_take_in(lab)
    tags = {each["Key"]: each["Value"] for each in tags_of(lab) if not each["Key"].startswith("aws:")}
    assert tags == {"team": "red", **{each["Key"]: each["Value"] for each in lab.tags}}
