import pytest

from builder.deploy.resources.bucket import BucketToEmpty, explained, remedy
from builder.errors import AwsError, Failed
from builder.terms import Region
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault, World
from fake_aws.s3.records import Version

US_EAST_1 = Region("us-east-1")
NAME = f"tap-dev-{ACCOUNT}-us-east-1-an"


def hold(world: World, keys: int, versions: int = 1) -> None:
    """Put so many versions of so many keys into the bucket, past all calls."""
    world.buckets[NAME].versions = [
        Version(f"{key:06d}", world.new_uuid(), world.datetime(), b"", marker=version % 2 == 1)
        for version in range(versions)
        for key in range(keys)
    ]


def empty(rig: Rig) -> list[int]:
    """Empty the bucket; return the counts that were reported."""
    counts: list[int] = []
    rig.run(lambda: BucketToEmpty(rig.clients.s3(US_EAST_1), "us-east-1: bucket", NAME, counts.append).run())
    return counts


@pytest.mark.slow
def test_thousands_of_versions_go_in_as_many_batches_as_there_are_pages(deployed: Rig) -> None:
    deployed.world.page_size = 1000
    hold(deployed.world, keys=1100, versions=3)
    deployed.world.calls.clear()
    assert empty(deployed)[-1] == 3300
    assert not deployed.world.buckets[NAME].versions
    assert deployed.operations("DeleteObjects") == 4
    assert deployed.operations("ListObjectVersions") == 4 + 1  # the last sees that nothing is left


def test_uploads_that_are_not_complete_are_aborted_page_by_page(deployed: Rig) -> None:
    deployed.world.page_size = 2
    for key in ("a", "b", "b", "c", "d"):
        deployed.clients.s3(US_EAST_1).create_multipart_upload(Bucket=NAME, Key=key)
    deployed.world.faults.add(Fault.LOSE_ANSWER, operation="AbortMultipartUpload", nth=2)
    assert empty(deployed) == []
    assert not deployed.world.buckets[NAME].uploads


def test_an_upload_that_may_not_be_aborted_is_told(deployed: Rig) -> None:
    deployed.clients.s3(US_EAST_1).create_multipart_upload(Bucket=NAME, Key="a")
    deployed.world.faults.add(Fault.DENIED, operation="AbortMultipartUpload")
    with pytest.raises(AwsError, match="not allowed to call AbortMultipartUpload"):
        empty(deployed)


def test_the_count_only_ever_grows(deployed: Rig) -> None:
    deployed.world.page_size = 7
    hold(deployed.world, keys=50, versions=2)
    counts = empty(deployed)
    assert counts == sorted(set(counts))
    assert counts[-1] == 100


def test_versions_that_s3_is_too_busy_for_are_asked_for_again_and_only_those(deployed: Rig) -> None:
    deployed.world.page_size = 1000
    hold(deployed.world, keys=5)
    deployed.world.busy_objects = {(NAME, "000001"): 3, (NAME, "000003"): 1}
    assert empty(deployed) == [3, 4, 5]
    assert not deployed.world.buckets[NAME].versions


def test_patience_with_a_busy_s3_has_an_end(deployed: Rig) -> None:
    hold(deployed.world, keys=2)
    deployed.world.busy_objects = {(NAME, "000001"): 10**6}
    with pytest.raises(Failed, match="SlowDown") as caught:
        empty(deployed)
    assert "destroy" in caught.value.next_step


@pytest.mark.parametrize(
    ("because", "helps"),
    [
        ("Access Denied", "policy destroy"),
        ("Access Denied because object protected by object lock.", "retention"),
        ("Mfa Authentication must be used for this request", "MFA delete"),
    ],
)
def test_a_version_that_is_kept_for_good_ends_it_with_the_reason_and_what_helps(
    deployed: Rig, because: str, helps: str
) -> None:
    deployed.world.page_size = 2
    hold(deployed.world, keys=4)
    deployed.world.undeletable_objects = {(NAME, "000001")}
    deployed.world.busy_objects = {(NAME, "000000"): 1}
    deployed.world.undeletable_because = because
    with pytest.raises(Failed, match=f"000001: AccessDenied: {because}") as caught:
        empty(deployed)
    assert helps in caught.value.next_step
    assert [version.key for version in deployed.world.buckets[NAME].versions] == ["000000", "000001"]


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.LOSE_REQUEST, Fault.SERVER_ERROR, Fault.THROTTLE])
def test_calls_that_go_wrong_cost_nothing_but_time(deployed: Rig, fault: Fault) -> None:
    deployed.world.page_size = 3
    hold(deployed.world, keys=20, versions=2)
    deployed.world.faults.add(fault, service="s3", probability=0.2)
    assert empty(deployed)[-1] == 40
    assert not deployed.world.buckets[NAME].versions


def test_a_refused_request_is_explained_by_its_text() -> None:
    error = explained(AwsError(where="us-east-1: b", code="AccessDenied", what="Mfa Authentication must be used"))
    assert (error.where, error.code) == ("us-east-1: b", "AccessDenied")
    assert error.next_step == remedy("AccessDenied", "mfa")
