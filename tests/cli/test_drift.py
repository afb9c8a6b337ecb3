import io
import json
import zipfile
from pathlib import Path

import boto3

from answer import Command
from builder.local import EmbeddedAws
from cli.deaf import deaf_to, timed

ENV = ("--env", "synthmfm20")


def test_a_fresh_deployment_neither_drifts_nor_differs(shared: Command) -> None:
    answer = shared("drift", *ENV)

    assert (answer.code, answer.out.splitlines()[-1]) == (
        0,
        "5 stacks: 0 drifted, 0 absent, 0 unknown; differences between regions: 0",
    )


def test_what_was_changed_by_hand_in_one_region_is_found_as_drift_and_as_disparity(
    deployed: Command, session: boto3.Session, account_id: str
) -> None:
    west = "us-west-2"
    session.client("lambda", west).update_function_configuration(
        FunctionName="tap-synthmfm20-secondary", MemorySize=512
    )
    bucket = f"tap-synthmfm20-{account_id}-us-east-1-an"
    session.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    session.client("dynamodb", west).update_continuous_backups(
        TableName="tap-synthmfm20-global", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    answer = deployed("drift", "--json", *ENV)
    assert answer.code == 3
    report = json.loads(answer.out)
    drifted = {
        (
            stack["region"],
            stack["name"],
            resource["logical_id"],
            difference["path"],
            difference["expected"],
            difference["actual"],
        )
        for stack in report["stacks"]
        for resource in stack["resources"]
        for difference in resource["properties"]
    }
    recovery = "/Replicas/1/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled"
    assert drifted == {
        (west, "tap-synthmfm20-service", "Function", "/MemorySize", "256", "512"),
        ("us-east-1", "tap-synthmfm20-storage", "Bucket", "/VersioningConfiguration/Status", "Enabled", "Suspended"),
        ("us-east-1", "tap-synthmfm20-table", "Table", recovery, "true", "false"),
    }
    assert {(disparity["thing"], disparity["setting"]): disparity["values"] for disparity in report["disparities"]} == {
        ("tap-synthmfm20-service/Function", "memory"): {"us-east-1": "256 MB", west: "512 MB"},
        ("tap-synthmfm20-storage/Bucket", "versioning"): {"us-east-1": "Suspended", west: "Enabled"},
        ("tap-synthmfm20-global", "point-in-time recovery"): {"us-east-1": "ENABLED, 35 days", west: "DISABLED"},
    }
    in_words = deployed("drift", *ENV)
    assert in_words.code == 3
    assert "3 drifted, 0 absent, 0 unknown; differences between regions: 3" in in_words.out


def test_code_changed_by_hand_is_a_disparity_though_cloudformation_sees_no_drift(
    deployed: Command, session: boto3.Session
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return {}")
    session.client("lambda").update_function_code(FunctionName="tap-synthmfm20-primary", ZipFile=packed.getvalue())
    answer = deployed("drift", "--json", *ENV)
    assert answer.code == 3
    assert [disparity["setting"] for disparity in json.loads(answer.out)["disparities"]] == ["code", "code: index.py"]


def test_a_region_that_hangs_is_told_and_hides_nothing_of_the_other(
    deployed: Command, session: boto3.Session, embedded: EmbeddedAws
) -> None:
    west = "us-west-2"
    session.client("lambda", west).update_function_configuration(
        FunctionName="tap-synthmfm20-secondary", MemorySize=512
    )
    with deaf_to("/us-east-1/", embedded):
        answer, took_s = timed(deployed, "drift", "--json", *ENV)
    print(f"drift with one region hanging: {took_s:.2f} s")
    report = json.loads(answer.out)
    assert answer.code == 3
    assert [(stack["region"], stack["status"]) for stack in report["stacks"]] == [
        (west, "IN_SYNC" if stack["name"].endswith("storage") else "DRIFTED") for stack in report["stacks"]
    ]
    assert report["disparities"] == []
    assert [line.partition(":")[0] for line in report["silent"]] == ["us-east-1"]
    assert took_s < 15


def test_a_stack_that_a_region_lacks_is_a_difference(deployed: Command, session: boto3.Session) -> None:
    west = session.client("cloudformation", "us-west-2")
    west.delete_stack(StackName="tap-synthmfm20-service")
    west.get_waiter("stack_delete_complete").wait(StackName="tap-synthmfm20-service", WaiterConfig={"Delay": 1})
    answer = deployed("drift", *ENV)
    assert answer.code == 3
    assert "us-west-2/tap-synthmfm20-service  ABSENT" in answer.out
    assert "5 stacks: 0 drifted, 1 absent" in answer.out


def test_what_is_not_deployed_is_said_and_ends_in_1(project: Path, credentials: None, builder: Command) -> None:
    answer = builder("drift", *ENV)
    assert answer.code == 1
    assert "is not deployed: no region has a stack of it" in answer.err
