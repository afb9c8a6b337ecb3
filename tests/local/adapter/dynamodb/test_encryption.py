from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, update
from local.adapter.templates import TABLE, table

_SHARED = {"SSEEnabled": True, "SSEType": "KMS"}


@pytest.fixture
def key(account: Account) -> str:
    """The id of a multi-Region key in both regions, with the alias `alias/orders` in each."""
    kms = account.client("kms")
    key: str = kms.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
    kms.replicate_key(KeyId=key, ReplicaRegion=SECONDARY)
    for region in (PRIMARY, SECONDARY):
        account.client("kms", region).create_alias(AliasName="alias/orders", TargetKeyId=key)
    return key


def _arn(account: Account, key: str, region: str) -> str:
    return f"arn:aws:kms:{region}:{account.id}:key/{key}"


def _table(primary: str | None, secondary: str | None, **shared: Any) -> dict[str, Any]:
    named = [{"SSESpecification": {"KMSMasterKeyId": key}} if key else {} for key in (primary, secondary)]
    replicas = [
        {"Region": region, **encryption} for region, encryption in zip((PRIMARY, SECONDARY), named, strict=True)
    ]
    return table(*replicas, SSESpecification={**_SHARED, **shared})


def _description(account: Account, region: str) -> Any:
    return account.dynamodb(region).describe_table(TableName=TABLE)["Table"]


def test_each_replica_has_the_key_of_its_region_and_shows_it_by_its_arn(account: Account, key: str) -> None:
    assert deploy(account, "table", _table("alias/orders", key)).status == "CREATE_COMPLETE"
    for region, other in ((PRIMARY, SECONDARY), (SECONDARY, PRIMARY)):
        description = _description(account, region)
        assert description["SSEDescription"]["KMSMasterKeyArn"] == _arn(account, key, region)
        assert description["Replicas"][0]["KMSMasterKeyId"] == _arn(account, key, other)
    client = account.cloudformation()
    client.detect_stack_drift(StackName="table")
    (drift,) = client.describe_stack_resource_drifts(StackName="table")["StackResourceDrifts"]
    assert drift["StackResourceDriftStatus"] == "IN_SYNC"


def test_encryption_is_switched_on_and_off_again(account: Account, key: str) -> None:
    deploy(account, "table", table())
    assert update(account, "table", _table("alias/orders", "alias/orders")).status == "UPDATE_COMPLETE"
    assert _description(account, SECONDARY)["SSEDescription"]["KMSMasterKeyArn"] == _arn(account, key, SECONDARY)
    assert update(account, "table", table()).status == "UPDATE_COMPLETE"
    assert all("SSEDescription" not in _description(account, region) for region in (PRIMARY, SECONDARY))
    assert update(account, "table", table(SSESpecification=_SHARED)).status == "UPDATE_COMPLETE"
    managed = f"arn:aws:kms:{SECONDARY}:{account.id}:alias/aws/dynamodb"
    assert _description(account, SECONDARY)["SSEDescription"]["KMSMasterKeyArn"] == managed


def test_a_replica_that_is_added_brings_a_key(account: Account, key: str) -> None:
    both = _table(key, key)["Table"]["Properties"]["Replicas"]
    assert deploy(account, "table", table(both[0], SSESpecification=_SHARED)).status == "CREATE_COMPLETE"
    without = table(both[0], {"Region": SECONDARY}, SSESpecification=_SHARED)
    assert "KMSMasterKeyId must be specified for each replica" in update(account, "table", without).reason
    assert update(account, "table", _table(key, key)).status == "UPDATE_COMPLETE"
    assert _description(account, SECONDARY)["SSEDescription"]["KMSMasterKeyArn"] == _arn(account, key, SECONDARY)


_FOR_EACH = "KMSMasterKeyId must be specified for each replica."


@pytest.mark.parametrize(
    ("keys", "shared", "reason"),
    [
        (("KEY", None), {}, _FOR_EACH),
        (("KEY", "alias/aws/dynamodb"), {}, _FOR_EACH),
        (("KEY", f"arn:aws:kms:{PRIMARY}:ACCOUNT:key/KEY"), {}, f"Invalid arn {PRIMARY}"),
        (("KEY", "alias/none"), {}, "alias/none is not found"),
        (("none", "KEY"), {}, "key/none' does not exist"),
        (("KEY", "KEY"), {"SSEEnabled": False}, "must be null when SSE is set to default"),
        (("KEY", "KEY"), {"SSEType": "AES256"}, "The only valid SSEType is KMS"),
        (("KEY", "KEY"), {"SSEType": None}, "SSEType KMS is required"),
    ],
)
def test_a_key_that_a_replica_cannot_use_fails_the_table(
    account: Account, key: str, keys: tuple[str | None, str | None], shared: dict[str, Any], reason: str
) -> None:
    filled = [name and name.replace("KEY", key).replace("ACCOUNT", account.id) for name in keys]
    resources = _table(*filled, **shared)
    specification = resources["Table"]["Properties"]["SSESpecification"]
    resources["Table"]["Properties"]["SSESpecification"] = {k: v for k, v in specification.items() if v is not None}
    outcome = deploy(account, "table", resources)
    assert (outcome.status, reason in outcome.reason) == ("ROLLBACK_COMPLETE", True), outcome.reason


@pytest.mark.parametrize("state", ["disabled", "pending deletion"])
def test_a_key_that_is_off_or_going_encrypts_no_table(account: Account, key: str, state: str) -> None:
    kms = account.client("kms", SECONDARY)
    if state == "disabled":
        kms.disable_key(KeyId=key)
    else:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert f"is {state}." in deploy(account, "table", _table(key, key)).reason
    request: Any = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    }
    with pytest.raises(ClientError, match=f"is {state}."):
        account.dynamodb(SECONDARY).create_table(TableName="t", **request)
