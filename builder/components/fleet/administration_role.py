"""The role that StackSets takes in the account that administers a self-managed fleet."""

from awacs.aws import Allow, ArnLike, Condition, PolicyDocument, Principal, Statement, StringEquals
from awacs.sts import AssumeRole
from troposphere import GetAtt, Output, Ref, Sub, Template, iam

from builder.components.fleet.options import FleetConfig
from builder.components.skeleton import add, make_skeleton
from builder.config import Config
from builder.topology import names

# An ARN takes 104 characters at most, and IAM counts 10,240 in all of a role's inline policies.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_LISTED_AT_MOST = 90


def make_template(config: Config, fleet: FleetConfig) -> Template:
    """Return the template that this piece of dr.yaml leads to.

    fleet: {permission_model: self-managed, accounts: ["444455556666"]}

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
    """
    template = make_skeleton(f"{config.project}: the role by which StackSets reaches the fleet's accounts")
    role = iam.Role(
        "AdministrationRole",
        RoleName=Sub(fleet.administration_role or names.administration_role_name(config.project)),
        Description="Taken by StackSets; may do nothing but take the execution role of the fleet's accounts",
        AssumeRolePolicyDocument=_trust(config),
        Policies=[iam.Policy(PolicyName="reach", PolicyDocument=_reach(config, fleet))],
    )
    add(template, role)
    template.add_output(Output("RoleArn", Description="ARN of the role", Value=GetAtt("AdministrationRole", "Arn")))
    return template


def _trust(config: Config) -> PolicyDocument:
    """CloudFormation, and that only for this account's own StackSets of this fleet: else anybody's could take it."""
    sets = f"stackset/{config.project}-{names.SUFFIX}-*"
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            Statement(
                Effect=Allow,
                Principal=Principal("Service", "cloudformation.amazonaws.com"),
                Action=[AssumeRole],
                Condition=Condition(
                    [
                        StringEquals("aws:SourceAccount", Ref("AWS::AccountId")),
                        ArnLike(
                            "aws:SourceArn",
                            Sub(f"arn:${{AWS::Partition}}:cloudformation:*:${{AWS::AccountId}}:{sets}"),
                        ),
                    ]
                ),
            )
        ],
    )


def _reach(config: Config, fleet: FleetConfig) -> PolicyDocument:
    role = fleet.execution_role or names.execution_role_name(config.project)
    # Each account decides by its own execution role whom it trusts; the list only narrows it where it fits.
    accounts = fleet.accounts if len(fleet.accounts) <= _LISTED_AT_MOST else ("*",)
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            Statement(
                Effect=Allow,
                Action=[AssumeRole],
                Resource=[Sub(f"arn:${{AWS::Partition}}:iam::{account}:role/{role}") for account in accounts],
            )
        ],
    )
