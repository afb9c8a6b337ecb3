import pytest

from builder.rules._statements import Statement, statements
from rules.findings import make_node


def statement(text: str) -> Statement:
    (only,) = statements(make_node(f"{{Statement: {text}}}"))
    return only


@pytest.mark.parametrize("text", ["{Action: 's3:*'}", "[{Action: 's3:*'}]"])
def test_a_document_has_one_statement_or_a_list(text: str) -> None:
    assert statement(text).covers("s3:GetObject") is True


@pytest.mark.parametrize("text", ["!Ref Statements", "[!If [Unheard, {}, {}]]"])
def test_statements_that_can_t_be_known_are_none(text: str) -> None:
    assert list(statements(make_node(f"{{Statement: {text}}}"))) == []


@pytest.mark.parametrize(
    ("actions", "covers"),
    [
        ("Action: s3:GetObject", True),
        ("Action: S3:getobject", True),
        ("Action: [s3:List*, 's3:Get*']", True),
        ("Action: s3:PutObject", False),
        ("NotAction: s3:PutObject", True),
        ("NotAction: s3:Get*", False),
        ("Action: !Ref Name", None),
        ("NotAction: [!Ref Name]", None),
        ("Resource: '*'", None),
    ],
)
def test_actions_are_matched_as_iam_does(actions: str, covers: bool | None) -> None:  # noqa: FBT001
    assert statement(f"{{{actions}}}").covers("s3:GetObject") is covers


def test_the_effect_is_a_word_or_unknown() -> None:
    assert statement("{Effect: Deny}").effect == "Deny"
    assert statement("{Effect: !Ref Name}").effect is None


@pytest.mark.parametrize(
    ("rest", "conditional"),
    [("Effect: Allow", False), ("Condition: {Bool: {}}", True), ("Condition: !Ref Name", True)],
)
def test_a_statement_is_conditional_unless_it_surely_is_not(rest: str, conditional: bool) -> None:  # noqa: FBT001
    assert statement(f"{{{rest}}}").conditional is conditional
