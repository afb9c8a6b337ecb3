"""Stacks in stacks in stacks, with templates in S3 and the data at the lowest level."""

import hashlib
import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from answer import Command
from cli.on_fake import ACCOUNT, OnWorld

ENV = ("--assembly", "assembly", "--env", "dev")
TABLE: dict[str, Any] = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}
TOPIC = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}

Tree = dict[str, Any]


class Nested:
    """An assembly of one stack, `us-east-1/p`, whose children lie in S3."""

    def __init__(self, folder: Path, session: boto3.Session, builder: Command, account: str) -> None:
        self.folder, self.session, self.builder = folder / "assembly", session, builder
        self.bucket = f"children-{account}"
        session.client("s3").create_bucket(Bucket=self.bucket)
        self.folder.mkdir()

    def url(self, key: str, resources: Tree) -> str:
        body = json.dumps({"Resources": resources}).encode()
        self.session.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"https://{self.bucket}.s3.us-east-1.amazonaws.com/{key}"

    def child(self, key: str, resources: Tree, **attributes: Any) -> Tree:
        """A nested stack, as a resource."""
        properties = {"TemplateURL": self.url(key, resources)}
        return {"Type": "AWS::CloudFormation::Stack", "Properties": properties, **attributes}

    def write(self, resources: Tree) -> None:
        template = json.dumps({"Resources": resources}, indent=1).encode()
        (self.folder / "p.json").write_bytes(template)
        entry = {
            "id": "us-east-1/p",
            "region": "us-east-1",
            "name": "shop-${EnvironmentSuffix}-p",
            "template": "p.json",
            "sha256": hashlib.sha256(template).hexdigest(),
            "capabilities": ["CAPABILITY_AUTO_EXPAND"],
        }
        manifest = {"version": 1, "project": "shop", "stacks": [entry]}
        (self.folder / "manifest.json").write_text(json.dumps(manifest))

    def three_levels(self, lowest: Tree, **attributes: Any) -> None:
        grandchild = self.child("grandchild.json", lowest)
        self.write({"Child": self.child("child.json", {"Grandchild": grandchild, "Topic": TOPIC}, **attributes)})

    def __call__(self, verb: str, *options: str, code: int) -> str:
        answer = self.builder(verb, *options, *ENV)
        assert answer.code == code, answer
        return answer.out + answer.err

    def plan(self) -> Any:
        self("plan", code=0)
        return json.loads(Path("plan.json").read_text())

    def tables(self) -> list[str]:
        return self.session.client("dynamodb").list_tables()["TableNames"]

    def stacks(self) -> set[str]:
        pages = self.session.client("cloudformation").get_paginator("describe_stacks").paginate()
        return {stack["StackStatus"] for page in pages for stack in page["Stacks"]}


class NestedOnFake(Nested):
    """The same on the fake AWS."""

    def __init__(self, folder: Path, command: OnWorld) -> None:
        super().__init__(folder, command.world.session(ACCOUNT, "us-east-1"), command, ACCOUNT)
        self.world = command.world

    def tables(self) -> list[str]:
        return [name for *_, name in self.world.local_tables]


@pytest.fixture
def embedded_nested(
    tmp_path: Path, session: boto3.Session, builder: Command, account_id: str, monkeypatch: pytest.MonkeyPatch
) -> Nested:
    monkeypatch.chdir(tmp_path)
    return Nested(tmp_path, session, builder, account_id)


@pytest.fixture
def nested(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> NestedOnFake:
    monkeypatch.chdir(tmp_path)
    return NestedOnFake(tmp_path, OnWorld(capsys))


def test_a_life_of_three_levels_with_the_data_at_the_lowest(embedded_nested: Nested, session: boto3.Session) -> None:
    embedded_nested.three_levels({"Orders": TABLE, "Queue": {"Type": "AWS::SQS::Queue"}})
    first = embedded_nested.plan()
    paths = {change["logical_id"]: change["action"] for change in first["steps"][0]["changes"]}
    assert paths == dict.fromkeys(
        ["Child", "Child/Topic", "Child/Grandchild", "Child/Grandchild/Orders", "Child/Grandchild/Queue"], "Add"
    )
    assert embedded_nested("execute", "plan.json", code=0)
    session.client("dynamodb").put_item(TableName="orders", Item={"id": {"S": "one"}})
    assert "No changes" in embedded_nested("plan", code=0)

    # Planned, shown by its path in every form, refused, and the item is there.
    embedded_nested.three_levels({"Queue": {"Type": "AWS::SQS::Queue"}})
    lost = "us-east-1/p/Child/Grandchild/Orders"
    output = embedded_nested("plan", "--markdown", "plan.md", "--html", "plan.html", code=0)
    for text in (output, Path("plan.md").read_text(), Path("plan.html").read_text()):
        assert "Child/Grandchild/Orders" in text.replace("&#47;", "/")
    plan = json.loads(Path("plan.json").read_text())
    assert [hit["allow"] for hit in plan["guards"]] == [lost]
    assert f"--allow {lost}" in embedded_nested("execute", "plan.json", code=4)
    assert session.client("dynamodb").get_item(TableName="orders", Key={"id": {"S": "one"}})["Item"]

    # Allowed by name, and executed.
    embedded_nested("execute", "plan.json", "--allow", lost, code=0)
    assert embedded_nested.tables() == []

    # What drifts in a nested stack is found there, and its resources are in the status.
    (topic,) = session.client("sns").list_topics()["Topics"]
    session.client("sns").set_topic_attributes(
        TopicArn=topic["TopicArn"], AttributeName="DisplayName", AttributeValue="by hand"
    )
    drifted = embedded_nested("drift", code=3)
    assert "DisplayName: one -> by hand" in drifted
    assert "shop-dev-p-Child-" in embedded_nested("status", code=0)
    embedded_nested("destroy", "--yes", code=0)
    assert embedded_nested.stacks() <= {"DELETE_COMPLETE"}


def test_a_child_that_loses_its_table_stops_and_the_table_is_there(nested: NestedOnFake) -> None:
    nested.write({"Child": nested.child("first.json", {"Orders": TABLE, "Topic": TOPIC})})
    nested("deploy", "--yes", code=0)
    nested.write({"Child": nested.child("second.json", {"Topic": TOPIC})})
    assert "--allow us-east-1/p/Child/Orders" in nested("deploy", "--yes", code=4)
    assert nested.tables() == ["orders"]


def test_another_template_at_the_same_address_is_seen(nested: NestedOnFake) -> None:
    nested.write({"Child": nested.child("child.json", {"Orders": TABLE, "Topic": TOPIC})})
    nested("deploy", "--yes", code=0)
    nested.url("child.json", {"Topic": TOPIC})
    assert [hit["allow"] for hit in nested.plan()["guards"]] == ["us-east-1/p/Child/Orders"]


@pytest.mark.parametrize(
    ("attributes", "words"),
    [({}, "is deleted: with it goes every item"), ({"DeletionPolicy": "Retain"}, "leaves the stack: it stays")],
)
def test_a_child_that_goes_has_no_change_set_and_all_that_it_holds_is_guarded(
    nested: NestedOnFake, attributes: Tree, words: str
) -> None:
    nested.three_levels({"Orders": TABLE}, **attributes)
    nested("deploy", "--yes", code=0)
    nested.write({"Topic": TOPIC})
    plan = nested.plan()
    assert [(hit["allow"], words in hit["why"]) for hit in plan["guards"]] == [
        ("us-east-1/p/Child/Grandchild/Orders", True)
    ]
    assert nested("execute", "plan.json", code=4)
    assert nested.tables() == ["orders"]


def test_destroy_empties_a_nested_bucket_and_leaves_none_behind(nested: NestedOnFake) -> None:
    data = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"nested-{nested.bucket}"}}
    nested.three_levels({"Data": data})
    nested("deploy", "--yes", code=0)
    nested.session.client("s3").put_object(Bucket=f"nested-{nested.bucket}", Key="left", Body=b"x")
    assert "left of shop-dev: nothing" in nested("destroy", "--yes", code=0)
    assert [*nested.world.buckets] == [nested.bucket]


def test_destroy_tells_of_what_a_nested_template_leaves_behind(nested: NestedOnFake) -> None:
    name = f"kept-{nested.bucket}"
    kept = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": name}}
    nested.three_levels({"Data": kept})
    nested("deploy", "--yes", code=0)
    nested.session.client("s3").put_object(Bucket=name, Key="left", Body=b"x")
    assert f"{name}  AWS::S3::Bucket, left behind by us-east-1/p as its template says" in nested(
        "destroy", "--yes", code=0
    )
    assert nested.session.client("s3").get_object(Bucket=name, Key="left")


def test_no_drift_is_put_right_where_nobody_could_see_what_that_does(nested: NestedOnFake) -> None:
    nested.write({"Child": nested.child("child.json", {"Topic": TOPIC})})
    nested("deploy", "--yes", code=0)
    output = nested("plan", "--deployment-mode", "REVERT_DRIFT", code=2)
    assert "us-east-1/p: AWS makes no drift-aware change set" in output


def test_a_nested_change_set_that_fails_says_why(embedded_nested: Nested) -> None:
    embedded_nested.write({"Child": embedded_nested.child("child.json", {"Topic": {"Type": "AWS::Nothing::AtAll"}})})
    assert "AWS::Nothing::AtAll" in embedded_nested("plan", code=1)


def test_what_failed_first_inside_is_the_reason(nested: NestedOnFake) -> None:
    nested.world.script.fails("CREATE", "Orders", reason="is taken")
    nested.three_levels({"Orders": TABLE})
    output = nested("deploy", "--yes", code=1)
    assert "us-east-1/p: ROLLBACK_COMPLETE: Child/Grandchild/Orders (AWS::DynamoDB::Table): is taken" in output
