"""Data that was there before: taken in, promoted, promoted by force, back, under load; nothing of it is ever another.

What plain boto3 made, a table and a bucket without versions, becomes the pair's; a client writes all the time.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import boto3
import pytest
import urllib3

from answer import Answer, Command
from builder.client import FailoverClient, Limits, RegionUrl, ReplicatedHold, Unavailable
from builder.local import EmbeddedAws
from builder.rehearsal.stage import isolated
from local.account import authorized
from samples import is_thorough

EAST, WEST = "us-east-1", "us-west-2"
TABLE, BUCKET = "legacy-orders", "legacy-files"
ITEMS, OBJECTS = (10_000, 1_000) if is_thorough() else (100, 20)
THEIRS = f"""
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: {TABLE}
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}]
      KeySchema: [{{AttributeName: id, KeyType: HASH}}]
"""
BESIDE = "  Topic: {Type: AWS::SNS::Topic}\n"


@dataclass
class Load:
    """A client that writes an item ten times a second."""

    client: FailoverClient
    acknowledged: dict[int, float] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number = 0
        while not self.ended.is_set():
            number, began = number + 1, time.monotonic()
            try:
                answer = self.client.request("PUT", f"/items/load-{number}", body=json.dumps({"n": number}).encode())
            except Unavailable as error:
                self.failed[number] = str(error)
            else:
                self.acknowledged[number] = began
                assert answer.status in {200, 201}
            self.ended.wait(max(0.0, 0.1 - (time.monotonic() - began)))


@dataclass
class Stage:
    """An AWS with somebody's data in it, and the project that takes it in."""

    endpoint: str
    builder: Command

    def __call__(self, *arguments: str, code: int = 0) -> Answer:
        answer = self.builder(*arguments)
        assert answer.code == code, answer
        return answer

    def items(self, region: str) -> dict[str, str]:
        pages = boto3.Session().client("dynamodb", region).get_paginator("scan").paginate(TableName=TABLE)
        return {item["id"]["S"]: json.dumps(item, sort_keys=True) for page in pages for item in page["Items"]}

    def versions(self, region: str, bucket: str) -> set[tuple[str, str, str]]:
        pages = boto3.Session().client("s3", region).get_paginator("list_object_versions").paginate(Bucket=bucket)
        return {
            (version["Key"], version["VersionId"], version["ETag"])
            for page in pages
            for version in page.get("Versions", [])
        }

    def outputs(self) -> dict[str, str]:
        outputs: dict[str, str] = json.loads(self("outputs", "--json").out)
        return outputs

    def fault(self, **settings: Any) -> None:
        body = json.dumps({"regions": [{"region": EAST, **settings}]})
        headers = {**authorized(), "content-type": "application/json"}
        assert urllib3.request("PUT", f"{self.endpoint}/_builder/faults", body=body, headers=headers).status == 200


@pytest.fixture
def stage(project: Path, builder: Command, processes: None) -> Iterator[Stage]:
    text = (project / "dr.yaml").read_text()
    text = text.replace("\ntable:\n", f"\ntable:\n  existing: {TABLE}\n", 1)
    (project / "dr.yaml").write_text(text.replace("\nbucket:\n", f"\nbucket:\n  existing: {BUCKET}\n", 1))
    with EmbeddedAws() as running, isolated(running.endpoint, "123456789012", EAST):
        yield Stage(running.endpoint, builder)


def fill() -> None:
    dynamodb, s3 = boto3.Session().client("dynamodb", EAST), boto3.Session().client("s3", EAST)
    for first in range(0, ITEMS, 25):
        items = [{"id": {"S": f"legacy-{number}"}, "n": {"N": str(number)}} for number in range(first, first + 25)]
        dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in items]})
    s3.create_bucket(Bucket=BUCKET)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=BUCKET, Key=f"k-{n}", Body=b"%d" % n), range(OBJECTS)))


def make_table() -> None:
    boto3.Session().client("dynamodb", EAST).create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )


def eventually(holds: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def take_in(stage: Stage) -> dict[str, str]:
    """Have the pair take in what plain boto3 made, and fill its other half; return the outputs."""
    make_table()
    fill()
    stage("render")
    stage("deploy", "--yes", code=4)
    stage("deploy", "--yes", "--allow", f"{EAST}/table/Table", "--allow", f"{EAST}/storage/Bucket")
    stage("backfill", "--yes")
    outputs = stage.outputs()
    eventually(lambda: stage.versions(WEST, outputs["secondaryBucketName"]) == stage.versions(EAST, BUCKET))
    return outputs


def force(stage: Stage) -> None:
    """Lose the primary, promote the other region without it, and have the rest done once it is back."""
    stage.fault(status=503, delay_s=0.0, services=None, imports_too=False)
    stage("promote", WEST, "--yes", code=4)
    stage("promote", WEST, "--skip-region", EAST, "--yes")
    assert "waits" in stage("status", "--skip-region", EAST).out
    stage.fault(for_s=0)
    stage("deploy", "--yes")


@pytest.mark.acceptance
def test_what_was_there_is_promoted_and_comes_back_and_is_what_it_was(stage: Stage) -> None:
    before = take_in(stage)
    west_bucket = before["secondaryBucketName"]
    items, objects = stage.items(EAST), stage.versions(EAST, BUCKET)
    assert (len(items), len(objects)) == (ITEMS, OBJECTS)
    regions = RegionUrl(EAST, before["primaryLambdaUrl"]), RegionUrl(WEST, before["secondaryLambdaUrl"])
    hold = ReplicatedHold(regions, endpoint=stage.endpoint)
    # The test's own work and its workers are on the same machine: what takes long is not lost.
    patient = Limits(attempt_s=10.0, deadline_s=30.0)
    load = Load(FailoverClient(regions, endpoint=stage.endpoint, limits=patient, hold=hold))
    thread = threading.Thread(target=load.run)
    thread.start()

    def check() -> None:
        """Nothing is left to do, and addresses and what was there are what they were."""
        assert {name: url for name, url in stage.outputs().items() if name == "globalTableName"} == {
            "globalTableName": TABLE
        }
        urls = {url for name, url in stage.outputs().items() if name.endswith("LambdaUrl")}
        assert urls == {region.url for region in regions}
        stage("plan", "--detailed-exitcode")
        for region, bucket in ((EAST, BUCKET), (WEST, west_bucket)):
            assert items.items() <= stage.items(region).items()
            assert objects <= stage.versions(region, bucket)

    try:
        stage("promote", WEST, "--yes")
        check()
        stage("promote", EAST, "--yes")
        check()
        planned = dict(load.failed)
        force(stage)
        check()
        stage("promote", EAST, "--yes")
        check()
        stage("failback", "--yes")
        reached = len(load.acknowledged)
        eventually(lambda: len(load.acknowledged) > reached + 20)
    finally:
        load.ended.set()
        thread.join()
    assert not planned, "a planned promotion costs no request"
    eventually(lambda: stage.items(EAST) == stage.items(WEST))
    assert {f"item#load-{number}" for number in load.acknowledged} <= stage.items(WEST).keys()
    print(f"{len(load.acknowledged)} requests answered, {len(load.failed)} not: {load.failed}")


@pytest.mark.acceptance
def test_a_table_of_a_foreign_stack_is_taken_in_once_its_owner_has_let_go_of_it(stage: Stage) -> None:
    cfn = boto3.Session().client("cloudformation", EAST)

    def deploy(template: str, kind: Literal["CREATE", "UPDATE"]) -> None:
        made = cfn.create_change_set(
            StackName="theirs", ChangeSetName=f"a{len(template)}", ChangeSetType=kind, TemplateBody=template
        )
        cfn.execute_change_set(ChangeSetName=made["Id"])
        eventually(lambda: cfn.describe_stacks(StackName="theirs")["Stacks"][0]["StackStatus"].endswith("_COMPLETE"))

    deploy(THEIRS + BESIDE, "CREATE")
    fill()
    stage("render")
    refused = stage("plan", code=4)
    assert "is in the stack theirs of us-east-1, which is not this deployment's" in refused.err
    policies = "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n"
    deploy(THEIRS.replace("    Properties:", f"{policies}    Properties:") + BESIDE, "UPDATE")
    deploy("Resources:\n" + BESIDE, "UPDATE")
    stage("deploy", "--yes", "--allow", f"{EAST}/table/Table", "--allow", f"{EAST}/storage/Bucket")
    eventually(lambda: stage.items(EAST) == stage.items(WEST))
    assert len(stage.items(WEST)) == ITEMS
    stage("plan", "--detailed-exitcode")
    assert os.environ["AWS_ENDPOINT_URL"] == stage.endpoint
