"""The capabilities that a template needs, each row by what AWS says of it."""

import pytest

from builder.assembly.capabilities import capabilities_of
from builder.template import read_template

IAM, NAMED, EXPAND = "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"
SAM = "Transform: AWS::Serverless-2016-10-31\nResources: {%s}"
EACH = "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::Each': [Name, [A, B], {'R${Name}': {%s}}]}"

# API_CreateChangeSet, Capabilities: these need one of the two.
OF_IAM = ("AccessKey", "Group", "InstanceProfile", "ManagedPolicy", "Policy", "Role", "User", "UserToGroupAddition")
# The same: "If you have IAM resources with custom names, you must specify CAPABILITY_NAMED_IAM."
NAMES = {
    "Group": "GroupName",
    "InstanceProfile": "InstanceProfileName",
    "ManagedPolicy": "ManagedPolicyName",
    "Role": "RoleName",
    "User": "UserName",
}
TABLE = [
    ("Resources: {Topic: {Type: AWS::SNS::Topic}}", ()),
    *((f"Resources: {{R: {{Type: AWS::IAM::{name}}}}}", (IAM,)) for name in OF_IAM),
    *(
        (f"Resources: {{R: {{Type: AWS::IAM::{name}, Properties: {{{key}: x}}}}}}", (NAMED,))
        for name, key in NAMES.items()
    ),
    # The name of a policy is no name of its own: it has to have one.
    ("Resources: {R: {Type: AWS::IAM::Policy, Properties: {PolicyName: x}}}", (IAM,)),
    ("Resources: {R: {Type: AWS::IAM::RolePolicy, Properties: {PolicyName: x}}}", (IAM,)),
    ("Resources: {R: {Type: AWS::IAM::Role}, S: {Type: AWS::IAM::Role, Properties: {RoleName: x}}}", (NAMED,)),
    ("Resources: {T: {Type: AWS::SNS::Topic, Properties: {RoleName: x}}}", ()),
    # CloudFormation reads the template, not what its conditions come to.
    ("Conditions: {No: !Equals [a, b]}\nResources: {R: {Type: AWS::IAM::Role, Condition: No}}", (IAM,)),
    # SAM makes roles and policies without names.
    (SAM % "F: {Type: AWS::Serverless::Function}", (IAM, EXPAND)),
    (SAM % "B: {Type: AWS::S3::Bucket, Connectors: {C: {Properties: {}}}}", (IAM, EXPAND)),
    (SAM % "R: {Type: AWS::IAM::Role, Properties: {RoleName: x}}", (NAMED, EXPAND)),
    # ValidateTemplate answers both of these for a nested stack, which has its parent's capabilities.
    ("Resources: {Child: {Type: AWS::CloudFormation::Stack}}", (NAMED, EXPAND)),
    (SAM % "App: {Type: AWS::Serverless::Application}", (NAMED, EXPAND)),
    ("Resources: {M: {Type: My::Own::Kind::MODULE}}", (NAMED, EXPAND)),
    (EACH % "Type: AWS::SNS::Topic", (EXPAND,)),
    (EACH % "Type: AWS::IAM::Role", (IAM, EXPAND)),
    (EACH % "Type: AWS::IAM::Role, Properties: {RoleName: !Ref Name}", (NAMED, EXPAND)),
    ("Transform: AWS::CodeDeployBlueGreen\nResources: {T: {Type: AWS::SNS::Topic}}", (EXPAND,)),
    # It makes a nested stack with a function and its role.
    ("Transform: AWS::SecretsManager-2024-09-16\nResources: {T: {Type: AWS::SNS::Topic}}", (NAMED, EXPAND)),
    # What a macro makes is known when it has been called.
    ("Transform: [Mine]\nResources: {T: {Type: AWS::SNS::Topic}}", (NAMED, EXPAND)),
    ("Transform: {Name: AWS::Include, Parameters: {Location: s3://b/k}}\nResources: {}", (NAMED, EXPAND)),
    ("Resources: {'Fn::Transform': {Name: Mine}}", (NAMED, EXPAND)),
    ("Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: !Transform {Name: Mine}}}}", (NAMED, EXPAND)),
]


@pytest.mark.parametrize(("template", "capabilities"), TABLE)
def test_a_template_needs(template: str, capabilities: tuple[str, ...]) -> None:
    assert capabilities_of(read_template(template)) == capabilities
