"""Keys come to a deployment with data in it, and go again, on an embedded AWS that enforces IAM."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from builder.assembly.render import make_assembly
from builder.deploy import Deployment, Done, make_deployment
from builder.policy import Verb, bind_templates
from builder.terms import StackId
from loaded_config import make_loaded_config
from policy.guarded import Guarded
from policy.test_enforced import finish
from policy.test_enforced_role import refusals
from proof.test_keys import system
from samples import sampled

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REGIONS = ("us-east-1", "us-west-2")
TABLE = "tap-dev-global"


def bring(guarded: Guarded, deployment: Deployment) -> None:
    """Deploy it, with nothing replaced and nobody asked."""
    guarded.deployment = deployment
    person = guarded.admin
    plan = guarded.plan(person)
    assert plan.guards == ()
    assert not [change for step in plan.steps for change in getattr(step, "changes", ()) if change.is_replaced]
    finish(guarded.execute(person, plan))


def s3(guarded: Guarded, region: str) -> "S3Client":
    client: S3Client = guarded.root.client("s3", region)
    return client


def write(guarded: Guarded, name: str) -> None:
    """Put an item and an object in each region, and wait for none."""
    for region in REGIONS:
        guarded.root.client("dynamodb", region).put_item(TableName=TABLE, Item={"id": {"S": f"{name}-{region}"}})
    s3(guarded, "us-east-1").put_object(Bucket=guarded.bucket("us-east-1"), Key=name, Body=name.encode())


def read(guarded: Guarded, names: tuple[str, ...]) -> Mapping[str, Any]:
    """Return what is not there in a region, or not what was written."""
    missing: dict[str, Any] = {}
    for region in REGIONS:
        table = guarded.root.client("dynamodb", region)
        for name in names:
            for written in REGIONS:
                key = f"{name}-{written}"
                if "Item" not in table.get_item(TableName=TABLE, Key={"id": {"S": key}}):
                    missing[f"{region}/{key}"] = "no item"
            body = s3(guarded, region).get_object(Bucket=guarded.bucket(region), Key=name)["Body"].read()
            if body != name.encode():
                missing[f"{region}/{name}"] = body
    return missing


def keys(guarded: Guarded, name: str) -> list[str]:
    """Return how an object is encrypted in each region."""
    heads = [s3(guarded, region).head_object(Bucket=guarded.bucket(region), Key=name) for region in REGIONS]
    return [head.get("SSEKMSKeyId", head["ServerSideEncryption"]) for head in heads]


def test_data_of_before_with_and_after_keys_is_read_in_both_regions(guarded: Guarded) -> None:
    plain, keyed = system(), system(encryption={"key": "managed"})
    bring(guarded, plain)
    write(guarded, "before")
    bring(guarded, keyed)
    assert read(guarded, ("before",)) == {}
    write(guarded, "with")
    assert read(guarded, ("before", "with")) == {}
    (key,) = {arn.rpartition("/")[2] for arn in keys(guarded, "with")}
    assert [arn.split(":")[3] for arn in keys(guarded, "with")] == list(REGIONS)
    assert keys(guarded, "before") == ["AES256", "AES256"]
    for region in REGIONS:
        shown = guarded.root.client("dynamodb", region).describe_table(TableName=TABLE)["Table"]["SSEDescription"]
        assert shown["KMSMasterKeyArn"].endswith(f":kms:{region}:{guarded.account}:key/{key}".partition(":kms:")[2])
    bring(guarded, plain)
    write(guarded, "after")
    assert read(guarded, ("before", "with", "after")) == {}
    assert keys(guarded, "after") == ["AES256", "AES256"]
    # The key stays, and what was written under it needs it.
    assert [arn.rpartition("/")[2] for arn in keys(guarded, "with")] == [key, key]


HOME = "us-east-1/key"
# Each action that the life of a key's stack takes, with the edits by which it is asked for.
OF_A_KEY = (
    *("CreateKey", "EnableKeyRotation", "PutKeyPolicy", "UpdateKeyDescription", "ScheduleKeyDeletion"),
    *("CreateAlias", "DeleteAlias"),
)


@pytest.fixture
def keyed(guarded: Guarded) -> Guarded:
    """An account for the system with keys, and policies for that."""
    assembly = make_assembly(make_loaded_config(encryption={"key": "managed"}))
    guarded.bounds = bind_templates(assembly)
    guarded.deployment = make_deployment(assembly.manifest, assembly.templates, "dev")
    return guarded


def test_what_policy_says_is_enough_for_keys_and_all_that_they_encrypt(keyed: Guarded) -> None:
    person = keyed.person(Verb.PLAN, Verb.EXECUTE, Verb.DESTROY)
    finish(keyed.execute(person, keyed.plan(person)))
    assert all(isinstance(outcome, Done) for outcome in keyed.destroy(person))


@pytest.mark.parametrize("action", sampled(OF_A_KEY, every=3))
def test_less_by_one_action_is_not(keyed: Guarded, action: str) -> None:
    stack = keyed.deployment.stack(StackId(HOME))
    client, template = keyed.root.client("cloudformation", "us-east-1"), stack.template
    edited = template.replace("tables, buckets, logs", "buckets, tables, logs")
    edited = edited.replace("kms:ReplicateKey", "kms:GetKeyPolicy")
    role = keyed.service_role(Verb.EXECUTE, Verb.DESTROY, without=[f"kms:{action}"])
    arguments: Any = {
        "StackName": stack.name,
        "Parameters": [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}],
    }
    client.create_stack(TemplateBody=template, RoleARN=role, **arguments)
    refused = refusals(client, stack.name, ("CREATE_", "ROLLBACK_"))
    if not refused:
        client.update_stack(TemplateBody=edited, **arguments)
        refused = refusals(client, stack.name, ("UPDATE_",))
    client.delete_stack(StackName=stack.name)
    refused = refused or refusals(client, stack.name, ("DELETE_",))
    assert f"not authorized to perform: kms:{action}" in refused
