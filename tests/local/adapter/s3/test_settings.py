"""Settings of a bucket that somebody made by plain boto3: what was put is read, and what is not played is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import Account
from local.adapter.templates import names

_LISTED: dict[str, dict[str, Any]] = {
    "analytics": {"Id": "one", "StorageClassAnalysis": {}},
    "intelligent_tiering": {
        "Id": "one",
        "Status": "Enabled",
        "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
    },
    "inventory": {
        "Id": "one",
        "IsEnabled": True,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::any", "Format": "CSV"}},
    },
    "metrics": {"Id": "one"},
}
_UNSET = {
    "get_bucket_cors": "NoSuchCORSConfiguration",
    "get_bucket_lifecycle_configuration": "NoSuchLifecycleConfiguration",
    "get_bucket_policy": "NoSuchBucketPolicy",
    "get_bucket_replication": "ReplicationConfigurationNotFoundError",
    "get_bucket_tagging": "NoSuchTagSet",
    "get_bucket_website": "NoSuchWebsiteConfiguration",
    "get_object_lock_configuration": "ObjectLockConfigurationNotFoundError",
}
_BARE: dict[str, dict[str, Any]] = {
    "get_bucket_accelerate_configuration": {},
    "get_bucket_logging": {},
    "get_bucket_notification_configuration": {},
    "get_bucket_request_payment": {"Payer": "BucketOwner"},
    "get_bucket_versioning": {},
}


@pytest.fixture
def bucket(account: Account) -> str:
    """The name of a new bucket."""
    name, _ = names(account)
    account.s3().create_bucket(Bucket=name)
    return name


def _ask(account: Account, operation: str, **request: Any) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(account.s3(), operation)(**request)
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_a_new_bucket_says_of_each_setting_that_it_has_none_or_what_is_so_without_one(
    account: Account, bucket: str
) -> None:
    for operation, code in _UNSET.items():
        with pytest.raises(ClientError, match=code):
            _ask(account, operation, Bucket=bucket)
    assert {operation: _ask(account, operation, Bucket=bucket) for operation in _BARE} == _BARE
    for kind in _LISTED:
        assert _ask(account, f"list_bucket_{kind}_configurations", Bucket=bucket) == {"IsTruncated": False}
    blocked = _ask(account, "get_public_access_block", Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    rules = _ask(account, "get_bucket_ownership_controls", Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("kind", _LISTED)
def test_configurations_of_a_kind_are_kept_listed_and_deleted(account: Account, bucket: str, kind: str) -> None:
    member, configuration = f"{kind.title().replace('_', '')}Configuration", _LISTED[kind]
    request: Any = {"Bucket": bucket, "Id": "one"}
    _ask(account, f"put_bucket_{kind}_configuration", **request, **{member: configuration})
    assert _ask(account, f"get_bucket_{kind}_configuration", **request)[member]["Id"] == "one"
    for other in _LISTED:
        listed = _ask(account, f"list_bucket_{other}_configurations", Bucket=bucket)
        configurations = listed.get(f"{other.title().replace('_', '')}ConfigurationList", [])
        assert [each["Id"] for each in configurations] == (["one"] if other == kind else [])
    _ask(account, f"delete_bucket_{kind}_configuration", **request)
    with pytest.raises(ClientError, match="NoSuchConfiguration"):
        _ask(account, f"get_bucket_{kind}_configuration", **request)


def test_who_pays_is_kept(account: Account, bucket: str) -> None:
    payment: Any = {"Payer": "Requester"}
    account.s3().put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration=payment)
    assert _ask(account, "get_bucket_request_payment", Bucket=bucket) == payment


@pytest.mark.parametrize(
    "operation", ["get_bucket_abac", "get_bucket_metadata_configuration", "get_bucket_policy_status"]
)
def test_what_is_not_played_is_refused(account: Account, bucket: str, operation: str) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        _ask(account, operation, Bucket=bucket)
