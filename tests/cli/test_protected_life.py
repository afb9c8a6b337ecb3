"""Protection switched on for a live deployment with data on the embedded AWS, off, and on again; then taken down."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from answer import Answer, Command

TABLE, REGIONS = "tap-dev-global", ("us-east-1", "us-west-2")
ON = "\nprotect: true\nenvironments: {dev: {production: true}}\n"
KEYS = ("termination_protection", "deletion_protection", "replacement_protection")
OFF = f"\nenvironments: {{dev: {{{', '.join(f'{key}: false' for key in KEYS)}}}}}\n"


class Life:
    """One deployment, its data, and what is said of it."""

    def __init__(self, project: Path, builder: Command, session: boto3.Session) -> None:
        self.builder, self.session = builder, session
        self.config = project / "dr.yaml"
        self.plain = self.config.read_text()

    def say(self, more: str) -> None:
        self.config.write_text(self.plain + more)
        assert self.builder("render").code == 0

    def deploy(self, *options: str) -> Answer:
        return self.builder("deploy", "--yes", *options)

    def buckets(self) -> dict[str, str]:
        names = (
            f"tap-dev-{self.session.client('sts').get_caller_identity()['Account']}-{region}-an" for region in REGIONS
        )
        return dict(zip(REGIONS, names, strict=True))

    def fill(self) -> None:
        self.session.client("dynamodb", "us-west-2").put_item(TableName=TABLE, Item={"id": {"S": "one"}})
        self.session.client("s3", "us-east-1").put_object(Bucket=self.buckets()["us-east-1"], Key="one", Body=b"x")

    def data(self) -> dict[str, Any]:
        """Return the item in each region, when its table was made, and each version of the object."""
        seen: dict[str, Any] = {}
        for region, bucket in self.buckets().items():
            dynamodb = self.session.client("dynamodb", region)
            table = dynamodb.describe_table(TableName=TABLE)["Table"]
            item = dynamodb.get_item(TableName=TABLE, Key={"id": {"S": "one"}})["Item"]
            versions = self.session.client("s3", region).list_object_versions(Bucket=bucket).get("Versions", [])
            seen[region] = (
                table["TableId"],
                item,
                [version["VersionId"] for version in versions if version["Key"] == "one"],
            )
        return seen

    def protections(self) -> dict[str, set[bool]]:
        states: dict[str, set[bool]] = {key: set() for key in KEYS}
        for region in REGIONS:
            cloudformation = self.session.client("cloudformation", region)
            for stack in cloudformation.describe_stacks()["Stacks"]:
                policy = cloudformation.get_stack_policy(StackName=stack["StackName"]).get("StackPolicyBody") or "{}"
                states["termination_protection"].add(stack["EnableTerminationProtection"])
                states["replacement_protection"].add(
                    "Deny" in {statement["Effect"] for statement in json.loads(policy).get("Statement", [])}
                )
            table = self.session.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]
            states["deletion_protection"].add(table.get("DeletionProtectionEnabled", False))
        return states


@pytest.fixture
def life(project: Path, credentials: None, builder: Command, session: boto3.Session) -> Life:
    made = Life(project, builder, session)
    assert made.deploy().code == 0
    made.fill()
    return made


def test_protection_is_switched_on_and_off_and_on_and_the_data_outlives_its_stacks(life: Life) -> None:
    before = life.data()
    assert [len(versions) for *_, versions in before.values()] == [1, 1]
    for text, is_on in ((ON, True), (OFF, False), (ON, True)):
        life.say(text)
        if not is_on:
            refused = life.deploy()
            assert refused.code == 4
            assert "its DeletionPolicy RetainExceptOnCreate, which becomes Delete" in refused.err
            assert life.protections() == {key: {True} for key in KEYS}
        answer = life.deploy(*(() if is_on else ("--allow", "**")))
        assert answer.code == 0, answer
        assert life.data() == before
        assert life.protections() == {key: {is_on} for key in KEYS}
        assert life.builder("plan", "--detailed-exitcode").code == 0
    destroy = ("destroy", "--yes", "--yes-in-production")
    assert life.builder(*destroy).code == 4
    answer = life.builder(*destroy, "--unprotect")
    assert answer.code == 0, answer
    assert TABLE in answer.out.partition("left of tap-dev:")[2]
    assert life.data() == before
