"""Rules of a template: what its parameters' values have to meet."""

import pytest

from fake_aws.cloudformation.rules import check_rules
from fake_aws.refusals import AwsRefusal, Unsupported

VALUES = {"Version": "6", "Stage": "prod"}
OLD = {"Fn::Contains": [["4", "5"], {"Ref": "Version"}]}
IS_PROD = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}


@pytest.mark.parametrize(
    ("assertion", "holds"),
    [
        (OLD, False),
        ({"Fn::Not": [OLD]}, True),
        (IS_PROD, True),
        ({"Fn::And": [IS_PROD, OLD]}, False),
        ({"Fn::Or": [IS_PROD, OLD]}, True),
    ],
)
def test_an_assertion_is_weighed(assertion: dict[str, object], holds: bool) -> None:  # noqa: FBT001 - a column
    rules = {"R": {"Assertions": [{"Assert": assertion, "AssertDescription": "too old"}]}}
    if holds:
        check_rules(rules, VALUES)
    else:
        with pytest.raises(AwsRefusal, match="too old"):
            check_rules(rules, VALUES)


def test_a_rule_whose_condition_is_not_met_asserts_nothing() -> None:
    check_rules({"R": {"RuleCondition": OLD, "Assertions": [{"Assert": OLD}]}}, VALUES)


def test_what_is_not_known_is_refused_loudly() -> None:
    with pytest.raises(Unsupported, match="ValueOf"):
        check_rules({"R": {"Assertions": [{"Assert": {"Fn::ValueOf": ["Vpc", "Id"]}}]}}, VALUES)
