import asyncio

import pytest

from builder.drill.bucket import delete_objects, see_objects
from builder.drill.probe import object_key
from drill.conftest import Theatre


@pytest.mark.parametrize("count", [3, 1100])
def test_a_drill_s_objects_are_seen_and_deleted_and_no_others(theatre: Theatre, count: int) -> None:
    side, s3 = theatre.target.secondary, theatre.account.s3("us-west-2")
    for number in range(count):
        s3.put_object(Bucket=side.bucket, Key=object_key("d1", f"p{number}"), Body=b"x")
    s3.put_object(Bucket=side.bucket, Key="customers/1", Body=b"x")
    assert asyncio.run(see_objects(theatre.clients, side, "d1")) == {f"p{number}" for number in range(count)}
    asyncio.run(delete_objects(theatre.clients, side, "d1"))
    assert asyncio.run(see_objects(theatre.clients, side, "d1")) == set()
    left = s3.list_object_versions(Bucket=side.bucket)["Versions"]
    assert [one["Key"] for one in left] == ["customers/1"]
    s3.delete_object(Bucket=side.bucket, Key="customers/1", VersionId=left[0]["VersionId"])
