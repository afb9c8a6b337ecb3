import asyncio

import pytest

from builder.drill.bucket import check_deleted, delete_objects, see_objects
from builder.drill.probe import object_key
from builder.errors import Failed
from drill.conftest import Theatre


@pytest.mark.parametrize("count", [3, 1100])
def test_a_drill_s_objects_are_seen_and_deleted_and_no_others(theatre: Theatre, count: int) -> None:
    side, s3 = theatre.target.secondary, theatre.account.s3("us-west-2")
    for number in range(count):
        s3.put_object(Bucket=side.needed_bucket, Key=object_key("d1", f"p{number}"), Body=b"x")
    s3.put_object(Bucket=side.needed_bucket, Key="customers/1", Body=b"x")
    assert asyncio.run(see_objects(theatre.clients, side, "d1")) == {f"p{number}" for number in range(count)}
    asyncio.run(delete_objects(theatre.clients, side, "d1"))
    assert asyncio.run(see_objects(theatre.clients, side, "d1")) == set()
    left = s3.list_object_versions(Bucket=side.needed_bucket)["Versions"]
    assert [one["Key"] for one in left] == ["customers/1"]
    s3.delete_object(Bucket=side.needed_bucket, Key="customers/1", VersionId=left[0]["VersionId"])


def test_what_s3_could_not_delete_is_told() -> None:
    check_deleted("b", [])
    with pytest.raises(Failed, match="2 probe objects could not be deleted; the first, k: AccessDenied: no"):
        check_deleted("b", [{"Key": "k", "Code": "AccessDenied", "Message": "no"}, {"Key": "l"}])
