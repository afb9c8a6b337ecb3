import pytest

from builder.deploy.resources import HOLDERS, Seen


@pytest.mark.parametrize(
    ("before", "after", "warned"),
    [
        ({"RetentionInDays": "30"}, {"RetentionInDays": "7"}, ("events older than 7 days go",)),
        ({}, {"RetentionInDays": 7}, ("events older than 7 days go",)),
        ({"RetentionInDays": 7}, {"RetentionInDays": 30}, ()),
        ({"RetentionInDays": 7}, {}, ()),
        ({"RetentionInDays": {"Ref": "Days"}}, {"RetentionInDays": None}, ()),
    ],
)
def test_a_shorter_retention_is_warned_of(
    before: dict[str, object], after: dict[str, object], warned: tuple[str, ...]
) -> None:
    assert HOLDERS["AWS::Logs::LogGroup"].warnings(Seen(before=before, after=after)) == warned
    assert HOLDERS["AWS::Logs::LogGroup"].warnings(Seen()) == ()
