import pytest

from builder.rules.replication_priority import ReplicationPriority
from rules.findings import find_in


def find(*priorities: str) -> list[str]:
    rules = ", ".join(f"{{Priority: {priority}}}" if priority else "{Status: Enabled}" for priority in priorities)
    places = find_in(ReplicationPriority, "AWS::S3::Bucket", f"{{ReplicationConfiguration: {{Rules: [{rules}]}}}}")
    return [place.removeprefix("ReplicationConfiguration/Rules/") for place in places]


@pytest.mark.parametrize(
    ("priorities", "places"),
    [
        (("1", "1"), ["1/Priority"]),
        (("1", "'1'"), ["1/Priority"]),
        (("1", "01"), ["1/Priority"]),
        (("0", "2", "0", "2"), ["2/Priority", "3/Priority"]),
        (("1", "!If [IsNamed, 1, 2]"), ["1/Priority/Fn::If/1"]),
    ],
)
def test_a_priority_that_another_rule_has_is_found(priorities: tuple[str, ...], places: list[str]) -> None:
    assert find(*priorities) == places


@pytest.mark.parametrize(
    "priorities", [("1", "2"), ("1",), ("", ""), ("!Ref Name", "!Ref Name"), ("1", "x"), ("1", "-1")]
)
def test_nothing_is_said_of_different_ones_and_of_what_is_unknown(priorities: tuple[str, ...]) -> None:
    assert find(*priorities) == []
