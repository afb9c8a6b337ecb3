"""The role that StackSets takes in each account of a self-managed fleet, allowed what it is given to allow."""

from typing import Any

from awacs.aws import Allow, AWSPrincipal, PolicyDocument, Statement
from awacs.sts import AssumeRole
from troposphere import GetAtt, Output, Parameter, Sub, Template, iam

from builder.components.fleet.options import FleetConfig
from builder.components.skeleton import add, leave_unlinted, make_skeleton
from builder.config import Config
from builder.topology import names


def make_template(config: Config, fleet: FleetConfig, policy: dict[str, Any]) -> Template:
    """Return the template that this piece of dr.yaml leads to, with a policy of ARNs in CloudFormation's own words.

    fleet: {permission_model: self-managed, administration_account: "111122223333"}

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
    """
    administrator = Parameter(
        "AdministratorAccountId",
        Type="String",
        Description="The account whose StackSets bring the system here",
        AllowedPattern="[0-9]{12}",
    )
    if fleet.trusted_account:
        administrator.Default = fleet.trusted_account
    template = make_skeleton(f"{config.project}: the role by which StackSets builds the system here", administrator)
    # The actions are from the resource types' schemas, which know of some before cfn-lint's list of all actions does.
    leave_unlinted(template, "W3037")
    role = iam.Role(
        "ExecutionRole",
        RoleName=Sub(fleet.execution_role or names.execution_role_name(config.project)),
        Description="Taken by StackSets; may do what this system's templates need, and no more",
        AssumeRolePolicyDocument=PolicyDocument(
            Version="2012-10-17",
            Statement=[
                Statement(
                    Effect=Allow,
                    Principal=AWSPrincipal(Sub("arn:${AWS::Partition}:iam::${AdministratorAccountId}:root")),
                    Action=[AssumeRole],
                )
            ],
        ),
        Policies=[iam.Policy(PolicyName="build", PolicyDocument=_filled(policy))],
    )
    add(template, role)
    template.add_output(Output("RoleArn", Description="ARN of the role", Value=GetAtt("ExecutionRole", "Arn")))
    return template


def _filled(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the policy with Fn::Sub around each text that CloudFormation has to complete."""
    match value:
        case dict():
            return {key: _filled(item) for key, item in value.items()}
        case list():
            return [_filled(item) for item in value]
        case str() if "${" in value:
            return Sub(value)
    return value
