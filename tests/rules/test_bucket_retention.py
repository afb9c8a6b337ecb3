import pytest

from builder.rules.bucket_retention import BucketRetention
from rules.findings import find_in

PLACE = "ObjectLockConfiguration/Rule/DefaultRetention"


def find(retention: str) -> list[str]:
    properties = f"{{ObjectLockConfiguration: {{Rule: {{DefaultRetention: {retention}}}}}}}"
    return find_in(BucketRetention, "AWS::S3::Bucket", properties)


@pytest.mark.parametrize(
    ("retention", "places"),
    [
        ("{Mode: GOVERNANCE, Days: 1, Years: 1}", [f"{PLACE}/Years"]),
        ("{Mode: COMPLIANCE}", [PLACE]),
        ("{Days: 1}", [PLACE]),
        ("{}", [PLACE, PLACE]),
        (
            "{Mode: GOVERNANCE, Days: 1, Years: !If [IsNamed, 1, !Ref AWS::NoValue]}",
            [f"{PLACE}/Years/Fn::If/1"],
        ),
    ],
)
def test_what_is_not_one_number_with_a_mode_is_found(retention: str, places: list[str]) -> None:
    assert find(retention) == places


@pytest.mark.parametrize(
    "retention",
    [
        "{Mode: GOVERNANCE, Days: 1}",
        "{Mode: COMPLIANCE, Years: 1}",
        "{Mode: !Ref Name, Days: !Ref Name}",
        "{Mode: GOVERNANCE, Days: !If [IsNamed, 1, !Ref AWS::NoValue], Years: !If [IsNamed, !Ref AWS::NoValue, 1]}",
        "!Ref Name",
    ],
)
def test_nothing_is_said_of_one_number_and_of_what_is_unknown(retention: str) -> None:
    assert find(retention) == []
