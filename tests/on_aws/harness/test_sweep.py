"""What the sweep takes away, and what it leaves."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from on_aws.lab import EAST, WEST, Lab, group, topic
from on_aws.mark import TAG, Mark
from on_aws.plugin import REGIONS
from on_aws.sweep import Swept, sweep

if TYPE_CHECKING:
    from collections.abc import Callable


def take_away(lab: Lab) -> Swept:
    return sweep(lab.session, REGIONS, lambda mark: mark == lab.mark, every_s=0.03)


def stacks(lab: Lab, region: str = EAST) -> set[str]:
    return {each["StackName"] for each in lab.client("cloudformation", region).describe_stacks()["Stacks"]}


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param([], id="no tag"),
        pytest.param([{"Key": "builder:deployment", "Value": "tap-prod"}], id="a deployment's own"),
        pytest.param([{"Key": TAG, "Value": "yes"}], id="a value that these tests have not written"),
        pytest.param([{"Key": "Name", "Value": "on-aws-t00000000-group"}], id="a name like theirs"),
    ],
)
def test_nothing_without_the_tests_mark_is_touched(lab: Lab, tags: list[dict[str, str]]) -> None:
    lab.deploy("stands", topic(), Tags=tags)
    lab.plan("review", topic(), Tags=tags)
    lab.cfn.create_stack_set(StackSetName="set", TemplateBody=json.dumps(topic()), Tags=tags)
    assert sweep(lab.session, REGIONS, lambda _: True, every_s=0.03) == Swept()
    assert stacks(lab) == {lab.name("stands"), lab.name("review")}
    assert [each["StackSetName"] for each in lab.cfn.list_stack_sets(Status="ACTIVE")["Summaries"]] == ["set"]


def test_another_test_s_are_left(lab: Lab) -> None:
    lab.deploy("mine", topic())
    other = replace(lab, mark=replace(lab.mark, test="tother"))
    other.deploy("other", topic())
    assert take_away(lab).gone == [f"{EAST} {lab.name('mine')}"]
    assert stacks(lab) == {other.name("other")}


def test_the_youngest_goes_first_from_every_region_with_what_its_buckets_hold(lab: Lab) -> None:
    bucket = lab.name("full")
    versioned = {"BucketName": bucket, "VersioningConfiguration": {"Status": "Enabled"}}
    lab.deploy("old", {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": versioned}}})
    lab.client("s3").put_object(Bucket=bucket, Key="one", Body=b"")
    lab.client("s3").delete_object(Bucket=bucket, Key="one")
    lab.deploy("young", group(lab.name("group")))
    west = lab.client("cloudformation", WEST)
    west.create_stack(StackName=lab.name("west"), TemplateBody=json.dumps(topic()), Tags=lab.tags)
    lab.plan("review", topic())
    gone = [lab.name(what) for what in ("review", "young", "old")]
    assert take_away(lab).gone == [*(f"{EAST} {name}" for name in gone), f"{WEST} {lab.name('west')}"]
    assert stacks(lab) | stacks(lab, WEST) == set()
    assert lab.client("s3").list_buckets()["Buckets"] == []


def left_alone(lab: Lab, tags: list[dict[str, str]]) -> tuple[str, str]:
    """Make a table in both regions and a bucket with a version and a marker, in no stack; return their names."""
    table, bucket = lab.name("table"), lab.name("bucket")
    dynamodb, s3 = lab.client("dynamodb"), lab.client("s3")
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        Tags=tags,
    )
    dynamodb.update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": WEST}}])
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    s3.put_object(Bucket=bucket, Key="one", Body=b"")
    s3.delete_object(Bucket=bucket, Key="one")
    return table, bucket


def data(lab: Lab) -> list[str]:
    """Return the tables of both regions, and the buckets."""
    tables = [name for region in REGIONS for name in lab.client("dynamodb", region).list_tables()["TableNames"]]
    return [*tables, *(each["Name"] for each in lab.client("s3").list_buckets()["Buckets"])]


def test_data_that_its_stack_let_go_of_is_taken_away_with_all_that_is_in_it(lab: Lab) -> None:
    table, bucket = left_alone(lab, lab.tags)
    assert take_away(lab) == Swept(gone=[f"{EAST} table {table}", f"{EAST} bucket {bucket}"])
    assert data(lab) == []


def test_other_data_is_left(lab: Lab) -> None:
    for number, tags in enumerate(
        ([{"Key": TAG, "Value": "yes"}], [{"Key": TAG, "Value": str(replace(lab.mark, test="t"))}])
    ):
        left_alone(replace(lab, mark=replace(lab.mark, test=f"tother{number}")), tags)
    before = data(lab)
    assert take_away(lab) == Swept()
    assert data(lab) == before


def test_data_that_cannot_be_deleted_is_told(lab: Lab) -> None:
    table, _ = left_alone(lab, lab.tags)
    lab.client("dynamodb", WEST).update_table(TableName=table, DeletionProtectionEnabled=True)
    swept = take_away(lab)
    (line,) = swept.stays
    assert line.startswith(f"{EAST} table {table}: ")
    assert "protected" in line
    lab.client("dynamodb", WEST).update_table(TableName=table, DeletionProtectionEnabled=False)


def test_what_cannot_be_deleted_is_told_and_keeps_nothing_else(lab: Lab) -> None:
    lab.deploy("free", topic())
    lab.deploy("held", topic())
    name = lab.name("held")
    lab.cfn.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    swept = take_away(lab)
    assert swept.gone == [f"{EAST} {lab.name('free')}"]
    (line,) = swept.stays
    assert line.startswith(f"{EAST} {name}: ")
    assert "TerminationProtection" in line
    lab.cfn.update_termination_protection(StackName=name, EnableTerminationProtection=False)


def test_a_stack_in_review_stays_where_somebody_else_has_a_change_set(lab: Lab) -> None:
    lab.plan("review", topic())
    theirs = lab.plan("review", topic("two"), Tags=[])
    assert take_away(lab) == Swept()
    lab.cfn.delete_change_set(ChangeSetName=theirs["ChangeSetId"])
    assert take_away(lab).gone == [f"{EAST} {lab.name('review')}"]


def test_what_goes_away_meanwhile_is_passed_over(lab: Lab) -> None:
    lab.plan("review", topic())
    lab.cfn.create_stack_set(StackSetName="set", TemplateBody=json.dumps(topic()), Tags=lab.tags)
    looking = boto3.Session()
    taken: dict[str, list[Callable[[], object]]] = {
        "ListStackSets": [lambda: lab.cfn.delete_stack_set(StackSetName="set")],
        "DescribeStacks": [lambda: lab.delete(lab.describe("review")["StackId"])],
    }

    def take(model: Any, **_: object) -> None:
        while waiting := taken.get(model.name):
            waiting.pop()()

    looking.events.register("after-call.cloudformation", take)
    assert take_away(replace(lab, session=looking)).stays == []
    assert list(taken.values()) == [[], []]


def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    assert Mark.read(str(mark)) == mark
