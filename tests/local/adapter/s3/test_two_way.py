from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, update
from local.adapter.control import paced
from local.adapter.templates import bucket, names, replication

_BACK = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}
_REGIONS = (PRIMARY, SECONDARY)


@pytest.fixture
def account(account: Account) -> Account:
    """One with a bucket in each region, each replicated to the other with the changes to replicas."""
    source, destination = names(account)
    for name, stack, region in ((destination, "second", SECONDARY), (source, "first", PRIMARY)):
        assert deploy(account, stack, bucket(name), region=region).status == "CREATE_COMPLETE"
    for name, other, stack, region in (
        (source, destination, "first", PRIMARY),
        (destination, source, "second", SECONDARY),
    ):
        rules = bucket(name, ReplicationConfiguration=replication(other, **_BACK))
        assert update(account, stack, rules, region=region).status == "UPDATE_COMPLETE"
    return account


def _name(account: Account, region: str) -> str:
    return names(account)[_REGIONS.index(region)]


def _put(account: Account, region: str, key: str = "k", body: bytes = b"body", **options: Any) -> str:
    written = account.s3(region).put_object(Bucket=_name(account, region), Key=key, Body=body, **options)
    return written["VersionId"]


def _head(account: Account, region: str, **options: Any) -> Any:
    return account.s3(region).head_object(Bucket=_name(account, region), Key="k", **options)


def _versions(account: Account, region: str) -> list[tuple[str, bool]]:
    answer = account.s3(region).list_object_versions(Bucket=_name(account, region))
    listed = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
    return sorted((version["VersionId"], version["IsLatest"]) for version in listed)


def _tags(account: Account, region: str) -> dict[str, str]:
    tags = account.s3(region).get_object_tagging(Bucket=_name(account, region), Key="k")["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def _tag(account: Account, region: str, **tags: str) -> None:
    given: Any = {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
    account.s3(region).put_object_tagging(Bucket=_name(account, region), Key="k", Tagging=given)


@pytest.mark.parametrize(("here", "there"), [_REGIONS, _REGIONS[::-1]])
def test_a_write_on_either_side_is_on_both_and_goes_round_no_further(account: Account, here: str, there: str) -> None:
    version = _put(account, here)
    assert (_head(account, here)["ReplicationStatus"], _head(account, there)["ReplicationStatus"]) == (
        "COMPLETED",
        "REPLICA",
    )
    assert _versions(account, here) == _versions(account, there) == [(version, True)]
    marker = account.s3(here).delete_object(Bucket=_name(account, here), Key="k")["VersionId"]
    assert _versions(account, here) == _versions(account, there) == sorted([(version, False), (marker, True)])
    account.s3(here).delete_object(Bucket=_name(account, here), Key="k", VersionId=marker)
    # What is deleted by its version stays where it was.
    assert _versions(account, here) == [(version, True)]
    assert (marker, True) in _versions(account, there)


@pytest.mark.parametrize("here", _REGIONS)
def test_tags_follow_from_the_original_and_from_its_replica(account: Account, here: str) -> None:
    _put(account, here, Tagging="team=red")
    for region in _REGIONS:
        _tag(account, region, team=region)
        assert _tags(account, PRIMARY) == _tags(account, SECONDARY) == {"team": region}
    account.s3(SECONDARY).delete_object_tagging(Bucket=_name(account, SECONDARY), Key="k")
    assert _tags(account, PRIMARY) == {}


def test_a_replicas_tags_are_pending_until_they_are_back(account: Account) -> None:
    _put(account, PRIMARY)
    with paced(account, "s3", paused=True):
        _tag(account, SECONDARY, team="red")
        assert _head(account, SECONDARY)["ReplicationStatus"] == "PENDING"
        assert _tags(account, PRIMARY) == {}
    assert _tags(account, PRIMARY) == {"team": "red"}
    assert _head(account, SECONDARY)["ReplicationStatus"] == "REPLICA"


def test_without_a_rule_for_it_a_replicas_tags_stay_its_own(account: Account) -> None:
    _put(account, PRIMARY)
    plain = bucket(_name(account, SECONDARY), ReplicationConfiguration=replication(_name(account, PRIMARY)))
    assert update(account, "second", plain, region=SECONDARY).status == "UPDATE_COMPLETE"
    _tag(account, SECONDARY, team="red")
    assert _tags(account, PRIMARY) == {}
    _tag(account, PRIMARY, team="blue")
    assert _tags(account, SECONDARY) == {"team": "blue"}


def test_a_version_that_arrives_late_is_not_the_current_one(account: Account) -> None:
    with paced(account, "s3", paused=True):
        early = _put(account, PRIMARY, body=b"early")
        late = _put(account, SECONDARY, body=b"late")
        assert _head(account, PRIMARY, VersionId=early)["ReplicationStatus"] == "PENDING"
    assert _versions(account, PRIMARY) == _versions(account, SECONDARY) == sorted([(early, False), (late, True)])
    for region in _REGIONS:
        read = account.s3(region).get_object(Bucket=_name(account, region), Key="k", VersionId=early)
        assert read["Body"].read() == b"early"
    account.s3(SECONDARY).delete_object(Bucket=_name(account, SECONDARY), Key="k", VersionId=late)
    assert account.s3(SECONDARY).get_object(Bucket=_name(account, SECONDARY), Key="k")["Body"].read() == b"early"


def test_a_delete_marker_that_arrives_late_hides_nothing(account: Account) -> None:
    _put(account, PRIMARY)
    with paced(account, "s3", paused=True):
        account.s3().delete_object(Bucket=_name(account, PRIMARY), Key="k")
        late = _put(account, SECONDARY, body=b"late")
    for region in _REGIONS:
        assert _head(account, region)["VersionId"] == late


def test_what_was_there_before_the_rule_has_no_status(account: Account) -> None:
    s3, name = account.s3(), _name(account, PRIMARY)
    configuration = s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"]
    s3.delete_bucket_replication(Bucket=name)
    _put(account, PRIMARY)
    s3.put_bucket_replication(Bucket=name, ReplicationConfiguration=configuration)
    assert "ReplicationStatus" not in _head(account, PRIMARY)
    _tag(account, PRIMARY, team="red")
    with pytest.raises(ClientError, match="404"):
        _head(account, SECONDARY)
