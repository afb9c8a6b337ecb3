from typing import Any

import pytest
import yaml

from builder.components.own.values import fault_of_value


@pytest.mark.parametrize(
    ("declared", "good", "bad"),
    [
        ("Type: Number", ["1", "-1.5", "+2", "1e3", ".5"], {"x": "'x' is no number", "": "'' is no number"}),
        ("Type: List<Number>", ["1, 2", "1"], {"1,x": "'x' is no number"}),
        (
            "{Type: Number, MinValue: 5, MaxValue: '16384'}",
            ["5", "16384"],
            {"4": "4 is less than 5", "16385": "16385 is more than 16384"},
        ),
        (
            "{Type: String, AllowedValues: [rds, true, 8.10, '']}",
            ["rds", "true", "8.10", "8.1", ""],
            {"x": "'x' is none of the allowed values: rds, true, 8.1, ", "RDS": "(did you mean rds?)"},
        ),
        ("{Type: String, AllowedValues: rds}", ["rds"], {"x": "'x' is none of the allowed values: rds"}),
        ("{Type: CommaDelimitedList, AllowedValues: [a, b]}", ["a", "a, b"], {"a,c": "'c' is none"}),
        ("{Type: String, AllowedValues: [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]}", ["9"], {"x": "7, 8, and 2 more"}),
        (
            "{Type: String, MinLength: 1, MaxLength: 3}",
            ["a", "abc"],
            {"": "'' has 0 characters, which is less than 1", "abcd": "more than 3"},
        ),
        (
            "{Type: String, AllowedPattern: '[0-9]{1,3}+/[0-9]+'}",
            ["10/8"],
            {"10": "'10' does not match [0-9]{1,3}+/[0-9]+", "10/8x": "does not match"},
        ),
        (r"{Type: String, AllowedPattern: '\p{Alpha}*'}", ["1"], {}),
        # What could take for ever to find no match is left to AWS; what repeats so many times at most is not.
        ("{Type: String, AllowedPattern: '^[0-9a-z]+([0-9a-z-]*[0-9a-z])*$'}", ["a" * 60 + "!"], {}),
        ("{Type: String, AllowedPattern: '((a|a)b)+'}", ["x"], {}),
        ("{Type: String, AllowedPattern: '(?:(a?)c)*'}", ["x"], {}),
        (
            r"{Type: String, AllowedPattern: '(([0-9]|1[0-9]{2})\.){3}(x[*+?])*'}",
            ["1.2.3.", "1.100.3.x*x+"],
            {"1.2.": "does not match", "1.2.3.x": "does not match"},
        ),
        ("{Type: Number, AllowedPattern: x}", ["1"], {}),
        ("{Type: String, MinLength: 9, AllowedValues: [x], AllowedPattern: x}", ["a-${EnvironmentSuffix}"], {}),
        ("{Type: 'AWS::EC2::VPC::Id', AllowedPattern: x}", ["vpc-1", ""], {}),
        ("{Type: 'AWS::SSM::Parameter::Value<String>', AllowedValues: [x]}", ["/a/b"], {}),
        ("{Type: CommaDelimitedList, AllowedValues: [x]}", [""], {}),
    ],
)
def test_a_value_is_held_to_what_its_parameter_declares(declared: str, good: list[str], bad: dict[str, str]) -> None:
    body: dict[str, Any] = yaml.safe_load(declared if declared.startswith("{") else f"{{{declared}}}")
    assert {value: fault for value in good if (fault := fault_of_value(body, value))} == {}
    for value, message in bad.items():
        assert message in str(fault_of_value(body, value))


@pytest.mark.parametrize(
    "declared",
    ["Type: Number", "AllowedValues: [a]", "AllowedPattern: '[0-9]'", "MaxLength: 3", "MinLength: 99"],
)
def test_a_value_that_nobody_is_to_see_is_not_quoted(declared: str) -> None:
    body: dict[str, Any] = {"Type": "String", **yaml.safe_load(f"{{{declared}}}")}
    assert "s3cr3t" in str(fault_of_value(body, "s3cr3t"))
    message = str(fault_of_value(body, "s3cr3t", is_hidden=True))
    assert message.startswith("the value ")
    assert "s3cr3t" not in message


def test_what_is_too_great_and_to_be_seen_by_nobody_is_not_quoted() -> None:
    assert fault_of_value({"Type": "Number", "MaxValue": 3}, "7777", is_hidden=True) == "the value is more than 3"
