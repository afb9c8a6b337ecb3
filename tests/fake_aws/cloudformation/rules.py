"""The rules of a template: what its parameters' values have to meet before anything is made.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-rules.html
"""

from collections.abc import Mapping
from typing import Any

from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported, validation_error


def check_rules(rules: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """Refuse values that an assertion does not hold for; the words of the refusal are *unverified*."""
    for name, rule in rules.items():
        if "RuleCondition" in rule and not _truth(rule["RuleCondition"], values):
            continue
        for assertion in rule["Assertions"]:
            if not _truth(assertion["Assert"], values):
                text = assertion.get("AssertDescription", f"Rule {name} is not met")
                raise validation_error(f"Template error: {text}")


def _truth(value: Json, values: Mapping[str, str]) -> bool:
    match value:
        case {"Fn::Not": [inner]}:
            return not _truth(inner, values)
        case {"Fn::And": [*inner]}:
            return all(_truth(each, values) for each in inner)
        case {"Fn::Or": [*inner]}:
            return any(_truth(each, values) for each in inner)
        case {"Fn::Equals": [left, right]}:
            return _text(left, values) == _text(right, values)
        case {"Fn::Contains": [[*listed], item]}:
            return _text(item, values) in {_text(each, values) for each in listed}
    raise Unsupported(f"the fake does not know this in a rule: {value}")


def _text(value: Json, values: Mapping[str, str]) -> str:
    match value:
        case str():
            return value
        case {"Ref": str(name)} if name in values:
            return values[name]
    raise Unsupported(f"the fake does not know this in a rule: {value}")
