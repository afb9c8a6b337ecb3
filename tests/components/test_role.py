import pytest

from components.templates import properties, template

ROLES = [("us-east-1/service", "ExecutionRole"), ("us-east-1/storage", "ReplicationRole")]


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_a_role_is_bounded_where_dr_yaml_names_a_policy(stack: str, role: str) -> None:
    bounded = properties(template(stack, permissions_boundary="team/b-${EnvironmentSuffix}"), role)

    assert bounded["PermissionsBoundary"] == {
        "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/team/b-${EnvironmentSuffix}"
    }


@pytest.mark.parametrize(("stack", "role"), ROLES)
def test_a_role_is_unbounded_where_it_names_none(stack: str, role: str) -> None:
    assert "PermissionsBoundary" not in properties(template(stack), role)


@pytest.mark.parametrize(
    ("stack", "role", "service"), [(*ROLES[0], "lambda.amazonaws.com"), (*ROLES[1], "s3.amazonaws.com")]
)
def test_a_role_is_trusted_by_one_service_and_has_one_policy(stack: str, role: str, service: str) -> None:
    made = properties(template(stack), role)

    (statement,) = made["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": service}
    assert len(made["Policies"]) == 1
