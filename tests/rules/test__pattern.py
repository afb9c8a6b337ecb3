import pytest

from builder.rules._statements import like, written
from rules.findings import make_node


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("!Ref Name", "${Name}"),
        ("!GetAtt Group.Arn", "${Group.Arn}"),
        ('!Sub "a-${Name}"', "a-${Name}"),
        ('!Sub ["a-${B}-${Name}", {B: b}]', "a-b-${Name}"),
        ('!Sub ["a-${B}", {B: !Ref Name}]', "a-${Name}"),
        ('!Join ["-", [a, !Ref Name, !GetAtt Group.Arn]]', "a-${Name}-${Group.Arn}"),
        ('!Join ["", ["/aws/", !Sub "${Name}"]]', "/aws/${Name}"),
    ],
)
def test_what_a_deployment_completes_stands_as_a_hole(value: str, text: str) -> None:
    assert written(make_node(value).value) == text


@pytest.mark.parametrize(
    "value",
    [
        "!ImportValue name",
        '!Join ["", [a, !ImportValue name]]',
        '!Join ["", !Ref Names]',
        '!Sub ["${A}", {A: !ImportValue name}]',
        "'{{resolve:ssm:name}}'",
        '!Join ["", ["{{resolve:ssm:name}}", x]]',
        "[a]",
        "15",
    ],
)
def test_what_can_t_be_written_down_is_none(value: str) -> None:
    assert written(make_node(value).value) is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*", ""),
        ("logs:*", "logs:CreateLogGroup"),
        ("a?c", "abc"),
        ("a.c", "a.c"),
        ("/${A}-*", "/${A}-b"),
        ("*", "a\nb"),
    ],
)
def test_a_wildcard_stands_for_any_text(pattern: str, text: str) -> None:
    assert like(pattern, text)


@pytest.mark.parametrize(("pattern", "text"), [("a.c", "abc"), ("a?", "a"), ("a", "A"), ("a", "ab"), ("[ab]", "a")])
def test_and_all_else_for_itself(pattern: str, text: str) -> None:
    assert not like(pattern, text)
