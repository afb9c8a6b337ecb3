"""What is used by the manifest's components does what they say, or the rehearsal fails."""

import asyncio
from typing import Any

import boto3
import pytest

from builder.assembly.components import Bucket, Component, FunctionComponent, OutputOf, Table
from builder.aws import Clients
from builder.errors import AwsError, Failed
from builder.local import EmbeddedAws
from builder.rehearsal import Line
from builder.rehearsal import use as module
from builder.rehearsal.use import UseContext, Visitor, exercise
from builder.terms import Region, StackId

EAST, WEST = Region("us-east-1"), Region("us-west-2")
BUCKETS = {region: OutputOf((StackId(f"{region}/files"), "Name")) for region in (EAST, WEST)}
ONE_WAY = Component(bucket=Bucket(names=BUCKETS, replication=((EAST, WEST),)))


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def use(session: boto3.Session, embedded: EmbeddedAws, account_id: str, lines: list[str]) -> UseContext:
    visitor = Visitor(embedded.endpoint, account_id, signs=False)
    return UseContext(
        visitor=visitor,
        clients=Clients.of_profile(None),
        tell=lambda line: lines.append(line.text if isinstance(line, Line) else line.title),
    )


@pytest.fixture
def known(session: boto3.Session, account_id: str) -> dict[OutputOf, str]:
    """Two buckets with nothing between them."""
    names = {output: f"lone-{account_id}-{region}" for region, output in BUCKETS.items()}
    session.client("s3", EAST).create_bucket(Bucket=names[BUCKETS[EAST]])
    session.client("s3", WEST).create_bucket(
        Bucket=names[BUCKETS[WEST]], CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    return names


def used(component: Component, known: dict[OutputOf, str], use: UseContext) -> None:
    asyncio.run(exercise("thing", component, known, use))


def test_an_object_that_is_not_replicated_fails(
    known: dict[OutputOf, str], use: UseContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    with pytest.raises(Failed, match=r"does not arrive in lone-.* within 0 s"):
        used(ONE_WAY, known, use)


def test_a_copy_that_lost_its_metadata_fails(
    known: dict[OutputOf, str], use: UseContext, session: boto3.Session
) -> None:
    key = f"rehearsal/from-{EAST}.txt"
    session.client("s3", WEST).put_object(Bucket=known[BUCKETS[WEST]], Key=key, Body=b"x")
    with pytest.raises(Failed, match=r"has metadata \{\}"):
        used(ONE_WAY, known, use)


def test_a_missing_bucket_is_aws_s_answer_and_not_patience(known: dict[OutputOf, str], use: UseContext) -> None:
    with pytest.raises(AwsError):
        used(ONE_WAY, {**known, BUCKETS[EAST]: "there-is-no-such-bucket"}, use)


def test_an_object_is_put_where_the_rule_copies_and_with_its_tags(
    known: dict[OutputOf, str], use: UseContext, session: boto3.Session, account_id: str, lines: list[str]
) -> None:
    for region, output in BUCKETS.items():
        session.client("s3", region).put_bucket_versioning(
            Bucket=known[output], VersioningConfiguration={"Status": "Enabled"}
        )
    rule: Any = {
        "ID": "some",
        "Priority": 1,
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "in/", "Tags": [{"Key": "kind", "Value": "copied"}]}},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{known[BUCKETS[WEST]]}"},
    }
    role = f"arn:aws:iam::{account_id}:role/any"
    session.client("s3", EAST).put_bucket_replication(
        Bucket=known[BUCKETS[EAST]], ReplicationConfiguration={"Role": role, "Rules": [rule]}
    )
    used(ONE_WAY, known, use)
    assert f"/in/rehearsal/from-{EAST}.txt, metadata" in lines[-1]


def test_buckets_that_replicate_nothing_are_said_to(
    known: dict[OutputOf, str], use: UseContext, lines: list[str]
) -> None:
    used(Component(bucket=Bucket(names=BUCKETS)), known, use)
    assert "replicate nothing" in lines[0]


def make_table(session: boto3.Session, name: str, region: Region, types: dict[str, Any]) -> None:
    kinds: Any = ("HASH", "RANGE")
    session.client("dynamodb", region).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": type_} for key, type_ in types.items()],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(types, kinds, strict=False)],
    )


@pytest.mark.parametrize("types", [{"id": "S"}, {"id": "B", "at": "N"}, {"id": "N", "of": "B"}], ids=str)
def test_an_item_of_the_table_s_own_key_is_written_and_deleted(
    session: boto3.Session, use: UseContext, lines: list[str], types: dict[str, Any]
) -> None:
    make_table(session, "some", EAST, types)
    used(Component(table=Table(name="some", regions=(EAST,))), {}, use)
    assert lines == [f"put an item into some in {EAST}, key {', '.join(types)}"]
    assert session.client("dynamodb", EAST).scan(TableName="some")["Items"] == []


def test_an_item_that_does_not_arrive_in_another_region_fails(
    session: boto3.Session, use: UseContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    for region in (EAST, WEST):
        make_table(session, "apart", region, {"id": "S"})
    with pytest.raises(Failed, match="written in us-east-1 does not show in us-west-2"):
        used(Component(table=Table(name="apart", regions=(EAST, WEST))), {}, use)


def test_a_health_path_that_does_not_answer_well_fails(use: UseContext) -> None:
    url = OutputOf((StackId("us-east-1/app"), "Url"))
    component = Component(function=FunctionComponent(url={EAST: url}))
    with pytest.raises(Failed, match="the health path of thing answers 4"):
        used(component, {url: "https://nobody.lambda-url.us-east-1.on.aws/"}, use)


def test_an_answer_with_another_status_fails() -> None:
    visitor = Visitor("http://127.0.0.1:9", "123456789012", signs=False)
    with pytest.raises(Failed):
        asyncio.run(module._ask(visitor, "GET", "https://x.lambda-url.us-east-1.on.aws/", 200))
