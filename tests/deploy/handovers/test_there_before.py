"""Data that was there before becomes the pair's: planned, stopped until it is named, taken in, all of it."""

import json

import pytest

from builder.deploy import Done, Plan
from builder.errors import BuilderError, Several, Stopped
from builder.terms import StackId
from deploy.rig import ACCOUNT, Rig, edited
from deploy.there_before import (
    BUCKET,
    EAST,
    ITEMS,
    OBJECTS,
    TABLE,
    WEST,
    data,
    make_bucket,
    make_table,
    system,
    system_with_existing,
)
from fake_aws.faults import Fault
from loaded_config import ABSENT

pytestmark = pytest.mark.slow  # whole plans, and two deployments
ALLOWED = ("us-east-1/table/Table", "us-east-1/storage/Bucket")


@pytest.fixture
def rig() -> Rig:
    rig = Rig(deployment=system_with_existing())
    make_table(rig)
    make_bucket(rig)
    return rig


def parts(plan: Plan, stack: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the change sets of a stack, each with its rows."""
    steps = [*plan.steps, *plan.deferred]
    return [
        (step.type, [(change.action, change.logical_id) for change in step.changes])
        for step in plan.change_sets
        if step.stack == stack and step in steps
    ]


def test_a_table_and_a_bucket_become_the_pair_s_with_all_that_is_in_them(rig: Rig) -> None:
    before = data(rig)
    assert (len(before["items"]), len(before["objects"])) == (ITEMS, OBJECTS)  # type: ignore[arg-type]  # lists

    plan = rig.plan()

    assert [kind for kind, _ in parts(plan, "us-east-1/table")] == ["CREATE", "IMPORT", "UPDATE", "UPDATE"]
    assert parts(plan, "us-east-1/table")[1] == ("IMPORT", [("Import", "Table")])
    assert [kind for kind, _ in parts(plan, "us-east-1/storage")] == ["CREATE", "IMPORT", "UPDATE"]
    with pytest.raises(Stopped) as stopped:
        rig.execute(plan)
    assert all(name in str(stopped.value) for name in ALLOWED)
    assert "the way back to a bucket without versions" in str(stopped.value)
    outcomes = rig.execute(plan, allow=ALLOWED)
    assert [outcome for outcome in outcomes if not isinstance(outcome, Done)] == []
    assert data(rig) == before
    assert sorted(rig.world.tables["111122223333", TABLE].replicas) == [EAST, WEST]
    assert rig.world.buckets[BUCKET].versioning == "Enabled"
    assert rig.world.buckets[BUCKET].replication is not None
    again = rig.plan()
    assert (again.change_sets, again.deferred) == ((), ())


def test_what_was_there_before_stays_when_the_system_goes(rig: Rig) -> None:
    assert all(isinstance(outcome, Done) for outcome in rig.deploy(allow=ALLOWED))
    before = data(rig)

    outcomes = rig.destroy()

    assert [outcome for outcome in outcomes if not isinstance(outcome, Done)] == []
    assert data(rig)["items"] == before["items"]
    assert data(rig)["objects"] == before["objects"]


def refusal(rig: Rig) -> str:
    with pytest.raises(BuilderError) as caught:
        rig.plan()
    assert rig.operations("CreateChangeSet") == 0
    return str(caught.value)


def test_what_stands_in_the_way_is_told_of_both_and_nothing_is_made() -> None:
    rig = Rig(deployment=system_with_existing())
    make_table(rig, BillingMode="PROVISIONED", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})
    make_bucket(rig)
    rig.clients.s3(EAST).put_bucket_policy(Bucket=BUCKET, Policy='{"Statement": [{"Sid": "Tls"}]}')

    text = refusal(rig)

    assert "us-east-1/table/Table: the table acme-orders: it is billed by provisioned capacity" in text
    assert "us-east-1/storage/Bucket: the bucket acme-uploads: it has a bucket policy (Tls)" in text
    rig.clients.dynamodb(EAST).update_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST")
    rig.world.settle()
    rig.clients.s3(EAST).delete_bucket_policy(Bucket=BUCKET)
    assert rig.plan().deferred


def test_the_template_s_own_policy_is_known_by_what_it_says_and_taken_away_all_the_same(rig: Rig) -> None:
    arn = f"arn:aws:s3:::{BUCKET}"
    statement = {
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        "Resource": [f"{arn}/*", arn],
        "Action": "s3:*",
        "Principal": "*",
        "Effect": "Deny",
        "Sid": "TlsOnly",
    }
    policy = json.dumps({"Statement": statement, "Version": "2012-10-17"})
    rig.clients.s3(EAST).put_bucket_policy(Bucket=BUCKET, Policy=policy)

    text = refusal(rig)

    assert "it has the bucket policy of the template already (TlsOnly)" in text
    assert f"aws s3api delete-bucket-policy --bucket {BUCKET}" in text
    rig.clients.s3(EAST).delete_bucket_policy(Bucket=BUCKET)
    assert all(isinstance(outcome, Done) for outcome in rig.deploy(allow=ALLOWED))
    assert rig.clients.s3(EAST).get_bucket_policy(Bucket=BUCKET)


def test_another_key_is_told_beforehand(rig: Rig) -> None:
    rig.deployment = system_with_existing(
        table=None, tables={"orders": {"existing": TABLE, "key": {"customer": "S"}}}, function={}
    )
    assert "its key is id (HASH), and the template's customer (HASH)" in refusal(rig)


def test_what_is_not_there_is_not_created_under_its_name() -> None:
    rig = Rig(deployment=system_with_existing())
    make_table(rig)
    assert f"`existing` names the bucket {BUCKET}, and none of that name stands in us-east-1" in refusal(rig)


def test_a_bucket_policy_without_its_document_is_cloudformation_s_to_refuse(rig: Rig) -> None:
    rig.deployment = edited(rig.deployment, StackId("us-east-1/storage"), "PolicyDocument:", "PolicyDokument:")
    assert {step.stack for step in rig.plan().deferred if step.type == "IMPORT"} >= {"us-east-1/storage"}


@pytest.mark.parametrize(
    "operation", ["GetBucketPolicy", "DescribeContinuousBackups", "ListTagsOfResource", "GetBucketAcl"]
)
def test_what_may_not_be_read_is_told_and_never_taken_for_nothing(rig: Rig, operation: str) -> None:
    rig.world.faults.add(Fault.DENIED, operation=operation)
    assert operation in refusal(rig)


def test_reads_are_asked_again_where_aws_is_busy(rig: Rig) -> None:
    rig.world.faults.add(Fault.THROTTLE, probability=0.2)
    rig.world.faults.add(Fault.LOSE_ANSWER, operation="GetBucketEncryption", nth=1)
    assert [step.stack for step in rig.plan().deferred if step.type == "IMPORT"] == [
        "us-east-1/storage",
        "us-east-1/table",
    ]


def test_what_an_earlier_deployment_retained_is_taken_in_by_the_next() -> None:
    """Except the second bucket, which the system makes itself: what is left of it is deleted first."""
    rig, first = Rig(), f"tap-dev-{ACCOUNT}-us-east-1-an"
    second = first.replace(EAST, WEST)
    rig.deployment = system(protect=True, function=ABSENT)
    assert all(isinstance(outcome, Done) for outcome in rig.deploy())
    rig.clients.s3(EAST).put_object(Bucket=first, Key="kept", Body=b"kept")
    assert all(isinstance(outcome, Done) for outcome in rig.destroy())
    # What the plan says to do is what helps, of each.
    with pytest.raises(Several) as caught:
        rig.plan()
    steps = {error.where: error.next_step for error in caught.value.errors}
    assert steps["us-east-1/table/Table"].startswith("existing: tap-dev-global    under it in dr.yaml takes it in")
    assert steps["us-east-1/storage/Bucket"].startswith(f"existing: {first}    under it in dr.yaml takes it in")
    assert "of this region's bucket alone" in steps["us-east-1/storage/Bucket"]
    assert steps["us-west-2/storage/Bucket"].startswith(
        f"aws s3api delete-bucket --region us-west-2 --bucket {second}    once it is empty, old versions included"
    )
    assert "`existing` takes in the bucket of us-east-1 alone (or of regions.born" in steps["us-west-2/storage/Bucket"]
    rig.world.buckets[second].versions.clear()
    rig.clients.s3(WEST).delete_bucket(Bucket=second)

    rig.deployment = system(
        protect=True,
        function=ABSENT,
        table={"existing": "tap-${EnvironmentSuffix}-global"},
        bucket={"existing": first},
    )

    assert all(isinstance(outcome, Done) for outcome in rig.deploy(allow=ALLOWED))
    assert [version.key for version in rig.world.buckets[first].versions] == ["kept"]
    assert rig.plan().is_empty
