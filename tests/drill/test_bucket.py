import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from builder.drill.probe import (
    Probe,
    check_deleted,
    delete_objects,
    object_key,
    object_writer,
    read_objects,
    see_objects,
)
from builder.drill.records import RegionAttempt, start_clock
from builder.errors import Failed
from drill.conftest import Theatre


@pytest.mark.parametrize("count", [3, pytest.param(1100, marks=pytest.mark.acceptance)])
def test_a_drill_s_objects_are_seen_and_deleted_and_no_others(theatre: Theatre, count: int) -> None:
    side, s3 = theatre.target.secondary, theatre.account.s3("us-west-2")
    for number in range(count):
        s3.put_object(Bucket=side.needed_bucket, Key=object_key("d1", f"p{number}"), Body=b"x")
    s3.put_object(Bucket=side.needed_bucket, Key="customers/1", Body=b"x")
    names = [f"p{number}" for number in range(count)]
    all_names = [*names, "never-written"]
    assert asyncio.run(see_objects(theatre.clients, side, "d1", all_names)) == {
        **dict.fromkeys(names, 1),
        all_names[-1]: None,
    }
    if count < 10:
        held = asyncio.run(read_objects(theatre.clients, side, "d1"))
        assert held == {name: {"body": "x"} for name in names}
    asyncio.run(delete_objects(theatre.clients, side, "d1"))
    assert set(asyncio.run(see_objects(theatre.clients, side, "d1", all_names)).values()) == {None}
    left = s3.list_object_versions(Bucket=side.needed_bucket)["Versions"]
    assert [version["Key"] for version in left] == ["customers/1"]
    s3.delete_object(Bucket=side.needed_bucket, Key="customers/1", VersionId=left[0]["VersionId"])


def test_what_s3_could_not_delete_is_told() -> None:
    check_deleted("b", [])
    with pytest.raises(Failed, match="2 probe objects could not be deleted; the first, k: AccessDenied: no"):
        check_deleted("b", [{"Key": "k", "Code": "AccessDenied", "Message": "no"}, {"Key": "l"}])


def test_an_object_that_the_bucket_does_not_take_is_not_acknowledged(theatre: Theatre) -> None:
    clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), itertools.count().__next__)
    nowhere = replace(theatre.target.primary, bucket="there-is-no-such-bucket")
    (attempt,) = object_writer(nowhere, "d1", theatre.clients, clock)(Probe("o", "o", 1, "text"))
    assert attempt == RegionAttempt(theatre.target.primary.region, 1, 2, None)
