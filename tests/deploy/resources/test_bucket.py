from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from builder.deploy.resources import bucket
from builder.errors import AwsError
from builder.terms import Region
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault

US_EAST_1 = Region("us-east-1")
NAME = f"tap-dev-{ACCOUNT}-us-east-1-an"


@pytest.mark.slow
def test_versions_and_delete_markers_go_a_page_at_a_time(deployed: Rig) -> None:
    s3 = deployed.clients.s3(US_EAST_1)
    for number in range(5):
        s3.put_object(Bucket=NAME, Key="key", Body=str(number).encode())
    removed: list[int] = []
    deployed.run(lambda: bucket.empty(deployed.clients, US_EAST_1, NAME, removed.append))
    assert removed == [2, 4, 5]
    assert not s3.list_object_versions(Bucket=NAME).get("Versions")


def test_a_bucket_that_is_gone_is_quiet_and_empty(rig: Rig) -> None:
    rig.run(lambda: bucket.stop_writes(rig.clients, US_EAST_1, "gone"))
    rig.run(lambda: bucket.empty(rig.clients, US_EAST_1, "gone", lambda _: None))
    rig.run(lambda: bucket.unblock(rig.clients, US_EAST_1, "gone"))


@pytest.mark.slow
def test_after_quiescing_nothing_is_replicated(deployed: Rig) -> None:
    deployed.run(lambda: bucket.stop_writes(deployed.clients, US_EAST_1, NAME))
    deployed.clients.s3(US_EAST_1).put_object(Bucket=NAME, Key="late", Body=b"x")
    deployed.world.settle()
    west = deployed.clients.s3(Region("us-west-2")).list_object_versions(Bucket=NAME.replace("east-1", "west-2"))
    assert not west.get("Versions")


@pytest.mark.slow
@pytest.mark.parametrize("work", [bucket.stop_writes, bucket.unblock])
def test_another_refusal_is_told(deployed: Rig, work: Callable[..., Coroutine[Any, Any, None]]) -> None:
    deployed.world.faults.add(Fault.THROTTLE, service="s3")
    with pytest.raises(AwsError, match="SlowDown"):
        deployed.run(lambda: work(deployed.clients, US_EAST_1, NAME))


def test_a_bucket_that_may_not_be_emptied_says_what_helps(deployed: Rig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="ListObjectVersions")
    with pytest.raises(AwsError, match="not allowed to call ListObjectVersions") as caught:
        deployed.run(lambda: bucket.empty(deployed.clients, US_EAST_1, NAME, lambda _: None))
    assert "policy destroy" in caught.value.next_step
