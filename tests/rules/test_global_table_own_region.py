import pytest

from builder.rules.global_table_own_region import GlobalTableOwnRegion
from rules.findings import find_in, make_template, resource_template

KIND = "AWS::DynamoDB::GlobalTable"


def find(properties: str, *regions: str) -> list[str]:
    return find_in(GlobalTableOwnRegion, KIND, properties, *regions)


@pytest.mark.parametrize(
    "replicas",
    [
        "[{Region: us-west-2}]",
        "[{Region: us-west-2}, {Region: eu-west-1}]",
        "[{Region: us-west-2}, !If [IsNamed, {Region: us-east-1}, !Ref AWS::NoValue]]",
        "[{Region: !If [IsNamed, us-east-1, us-east-2]}]",
    ],
)
def test_a_table_that_may_have_no_replica_where_it_stands_is_found(replicas: str) -> None:
    assert find(f"{{Replicas: {replicas}}}", "us-east-1") == ["Replicas"]


def test_the_message_names_the_region_of_the_run() -> None:
    cfn = make_template(resource_template(KIND, "{Replicas: [{Region: us-west-2}]}"), "eu-west-1", "eu-north-1")
    (match,) = GlobalTableOwnRegion().match(cfn)
    assert match.message == (
        "no replica in eu-west-1 or eu-north-1, the region this template was checked for (--regions)"
    )


def test_of_several_regions_one_that_would_do_is_enough() -> None:
    assert find("{Replicas: [{Region: us-west-2}]}", "us-east-1", "us-west-2") == []
    assert find("{Replicas: [{Region: us-west-2}]}", "us-east-1", "eu-west-1") == ["Replicas"]


@pytest.mark.parametrize(
    "replicas",
    ["[{Region: us-east-1}]", "[{Region: !Ref AWS::Region}]", "[{Region: us-west-2}, !Ref Name]", "!Ref Name", "[]"],
)
def test_nothing_is_said_where_the_region_is_there_or_may_be(replicas: str) -> None:
    assert find(f"{{Replicas: {replicas}}}") == []


def test_a_condition_on_the_region_is_followed() -> None:
    template = """
        Conditions: {IsWest: !Equals [!Ref AWS::Region, us-west-2]}
        Resources:
          X:
            Type: AWS::DynamoDB::GlobalTable
            Properties:
              Replicas: [{Region: !If [IsWest, us-west-2, us-east-1]}]
    """
    for region, expected in (("us-east-1", 0), ("us-west-2", 0), ("eu-west-1", 1)):
        assert len(GlobalTableOwnRegion().match(make_template(template, region))) == expected
