"""The roles of the system's own parts: trusted by one service, allowed one policy, bounded where dr.yaml says so."""

from awacs.aws import Allow, PolicyDocument, Principal, Statement
from awacs.sts import AssumeRole
from troposphere import Sub, iam

from builder.config import Config


def make_role(config: Config, title: str, service: str, policy: iam.Policy) -> iam.Role:
    """Return a role that a service takes, under the boundary that this piece of dr.yaml leads to.

    permissions_boundary: boundary-${EnvironmentSuffix}

    By name, and in the account that the stack is in: one template serves every environment.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    """
    role = iam.Role(
        title,
        AssumeRolePolicyDocument=PolicyDocument(
            Version="2012-10-17",
            Statement=[Statement(Effect=Allow, Principal=Principal("Service", service), Action=[AssumeRole])],
        ),
        Policies=[policy],
    )
    if config.permissions_boundary:
        boundary = f"policy/{config.permissions_boundary}"
        role.PermissionsBoundary = Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{boundary}")
    return role
