import pytest

from builder.rules.global_table_keys import GlobalTableKeys
from rules.findings import find_in

KEY = "SSESpecification: {KMSMasterKeyId: alias/one}"


def find(*replicas: str) -> list[str]:
    listed = ", ".join(
        f"{{Region: r{number}, {replica}}}" if replica else f"{{Region: r{number}}}"
        for number, replica in enumerate(replicas)
    )
    return find_in(GlobalTableKeys, "AWS::DynamoDB::GlobalTable", f"{{Replicas: [{listed}]}}")


@pytest.mark.parametrize(
    ("replicas", "places"),
    [
        ((KEY, ""), ["Replicas/1"]),
        (("", KEY), ["Replicas/0"]),
        ((KEY, "", ""), ["Replicas/1", "Replicas/2"]),
        (("SSESpecification: {KMSMasterKeyId: !Ref Name}", ""), ["Replicas/1"]),
        ((KEY, "SSESpecification: !If [IsNamed, {KMSMasterKeyId: alias/two}, !Ref AWS::NoValue]"), ["Replicas/1"]),
    ],
)
def test_a_replica_without_a_key_beside_one_that_has_one_is_found(replicas: tuple[str, ...], places: list[str]) -> None:
    assert find(*replicas) == places


@pytest.mark.parametrize(
    "replicas",
    [
        ("", ""),
        (KEY, KEY),
        (KEY,),
        (KEY, "SSESpecification: {KMSMasterKeyId: !ImportValue key}"),
        (KEY, "SSESpecification: !Ref Name"),
        ("", "SSESpecification: !If [IsNamed, !Ref AWS::NoValue, !Ref AWS::NoValue]"),
    ],
)
def test_nothing_is_said_of_all_of_none_and_of_what_is_unknown(replicas: tuple[str, ...]) -> None:
    assert find(*replicas) == []
