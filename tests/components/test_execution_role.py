from typing import Any

from builder.components.fleet.execution_role import make_template
from components.fleet_config import SELF_MANAGED, fleet_of
from components.templates import Json, properties

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Anything", "Effect": "Allow", "Action": ["a:B"], "Resource": "*"},
        {"Sid": "Own", "Effect": "Allow", "Action": ["a:C"], "Resource": ["arn:${AWS::Partition}:a:::x", "arn:aws:b"]},
    ],
}


def made(**options: Any) -> Json:
    config, fleet = fleet_of({**SELF_MANAGED, **options})
    template: Json = make_template(config, fleet, POLICY).to_dict()
    return template


def test_it_trusts_the_account_that_whoever_deploys_it_names() -> None:
    (statement,) = properties(made(), "ExecutionRole")["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AdministratorAccountId}:root"}}
    assert "Default" not in made()["Parameters"]["AdministratorAccountId"]
    assert made(administration_account="111122223333")["Parameters"]["AdministratorAccountId"]["Default"] == (
        "111122223333"
    )


def test_it_may_do_what_it_is_given_each_arn_completed_by_cloudformation() -> None:
    (policy,) = properties(made(), "ExecutionRole")["Policies"]
    anything, own = policy["PolicyDocument"]["Statement"]

    assert anything == POLICY["Statement"][0]
    assert own["Resource"] == [{"Fn::Sub": "arn:${AWS::Partition}:a:::x"}, "arn:aws:b"]


def test_it_can_have_a_name_of_its_own() -> None:
    assert properties(made(), "ExecutionRole")["RoleName"] == {"Fn::Sub": "tap-${EnvironmentSuffix}-stackset-execution"}
    assert properties(made(execution_role="exec"), "ExecutionRole")["RoleName"] == {"Fn::Sub": "exec"}
