import pytest

from builder.local.adapter.bucket_name import physical_name
from builder.local.adapter.refusals import Refused

_HERE = {"account": "123456789012", "region": "us-west-2"}
_SUFFIX = "-123456789012-us-west-2-an"


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-c", "1-2", "tap-dev-123456789012-us-west-2"])
def test_a_valid_name_is_kept(name: str) -> None:
    assert physical_name({"BucketName": name}, **_HERE) == name


def test_no_name_has_one_made_up() -> None:
    assert physical_name({}, **_HERE) is None


@pytest.mark.parametrize(
    "name",
    [
        *("ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.1.1", "xn--a", "sthree-a"),
        *("amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a.mrap", "a--x-s3", "a--table-s3"),
    ],
)
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="The specified bucket is not valid"):
        physical_name({"BucketName": name}, **_HERE)


def test_a_full_name_of_the_account_and_region_is_taken() -> None:
    props = {"BucketName": f"tap-dev{_SUFFIX}", "BucketNamespace": "account-regional"}
    assert physical_name(props, **_HERE) == f"tap-dev{_SUFFIX}"


def test_a_prefix_is_completed() -> None:
    props = {"BucketNamePrefix": "tap-dev", "BucketNamespace": "account-regional"}
    assert physical_name(props, **_HERE) == f"tap-dev{_SUFFIX}"


@pytest.mark.parametrize(
    "name", ["tap-dev", "tap-123456789012-us-east-1-an", "tap-210987654321-us-west-2-an", _SUFFIX.removeprefix("-")]
)
def test_a_name_of_another_account_or_region_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="must be named <prefix>-123456789012-us-west-2-an"):
        physical_name({"BucketName": name, "BucketNamespace": "account-regional"}, **_HERE)


def test_the_suffix_counts_in_the_63_characters() -> None:
    fits = "a" * (63 - len(_SUFFIX))
    regional = {"BucketNamespace": "account-regional"}
    assert len(physical_name({"BucketNamePrefix": fits, **regional}, **_HERE) or "") == 63
    with pytest.raises(Refused, match="not valid"):
        physical_name({"BucketNamePrefix": f"{fits}a", **regional}, **_HERE)


def test_the_suffix_is_reserved_for_the_namespace() -> None:
    with pytest.raises(Refused, match="reserved"):
        physical_name({"BucketName": f"tap{_SUFFIX}"}, **_HERE)


def test_a_name_and_a_prefix_exclude_each_other() -> None:
    with pytest.raises(Refused, match="together"):
        physical_name({"BucketName": "abc", "BucketNamePrefix": "abc"}, **_HERE)
