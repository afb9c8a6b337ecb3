from typing import Any

from builder.components.fleet.administration_role import make_template
from builder.policy.document import ROLE_INLINE_CHARACTERS, characters
from components.fleet_config import ACCOUNTS, SELF_MANAGED, fleet_of
from components.templates import Json, properties


def role(**options: Any) -> Json:
    config, fleet = fleet_of({**SELF_MANAGED, **options})
    return properties(make_template(config, fleet).to_dict(), "AdministrationRole")


def reach(**options: Any) -> Json:
    (policy,) = role(**options)["Policies"]
    document: Json = policy["PolicyDocument"]
    return document


def test_only_this_account_s_own_sets_of_this_fleet_can_take_it() -> None:
    (statement,) = role()["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "cloudformation.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnLike": {
            "aws:SourceArn": {
                "Fn::Sub": "arn:${AWS::Partition}:cloudformation:*:${AWS::AccountId}:"
                "stackset/tap-${EnvironmentSuffix}-*"
            }
        },
    }


def test_it_may_do_nothing_but_take_the_execution_role_of_the_accounts_named() -> None:
    (statement,) = reach()["Statement"]

    assert statement["Action"] == ["sts:AssumeRole"]
    assert statement["Resource"] == [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{account}:role/tap-${{EnvironmentSuffix}}-stackset-execution"}
        for account in ACCOUNTS
    ]


def test_with_more_accounts_than_a_policy_holds_it_may_take_that_role_of_any() -> None:
    few, many = ([f"{number:012d}" for number in range(count)] for count in (90, 91))

    assert len(reach(accounts=few)["Statement"][0]["Resource"]) == 90
    assert reach(accounts=many)["Statement"][0]["Resource"] == [
        {"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/tap-${EnvironmentSuffix}-stackset-execution"}
    ]


def test_the_longest_list_that_is_written_fits_in_the_role() -> None:
    policy = reach(accounts=[f"{number:012d}" for number in range(90)], execution_role="x" * 64)
    policy["Statement"][0]["Resource"] = [
        arn["Fn::Sub"].replace("${AWS::Partition}", "aws-us-gov") for arn in policy["Statement"][0]["Resource"]
    ]

    assert characters(policy) <= ROLE_INLINE_CHARACTERS


def test_it_can_have_a_name_of_its_own() -> None:
    assert role()["RoleName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-stackset-administration"}
    assert role(administration_role="admin")["RoleName"] == {"Fn::Sub": "admin"}
