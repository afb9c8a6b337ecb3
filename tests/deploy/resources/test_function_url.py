import pytest

from builder.deploy.resources import HOLDERS, Seen
from builder.resource_types.facts import holds_data


@pytest.mark.parametrize(
    ("before", "after", "warnings"),
    [
        ("AWS_IAM", "NONE", ("anyone may call it, unsigned",)),
        ("NONE", "AWS_IAM", ("callers that do not sign their requests are turned away",)),
        ("NONE", "NONE", ()),
    ],
)
def test_another_way_of_signing_is_warned_of(before: str, after: str, warnings: tuple[str, ...]) -> None:
    assert (
        HOLDERS["AWS::Lambda::Url"].warnings(Seen(before={"AuthType": before}, after={"AuthType": after})) == warnings
    )


def test_without_values_nothing_can_be_said() -> None:
    assert HOLDERS["AWS::Lambda::Url"].warnings(Seen()) == ()


def test_it_holds_an_address_and_no_data() -> None:
    assert not holds_data("AWS::Lambda::Url")
    assert holds_data("AWS::S3::Bucket")
    assert not holds_data("AWS::SNS::Topic")
