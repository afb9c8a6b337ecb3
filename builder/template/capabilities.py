"""The capabilities that whoever deploys a template acknowledges; pure.

Sources: the parameter Capabilities of
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html, and, for nested stacks,
what ValidateTemplate answers: "require capabilities: [AWS::CloudFormation::Stack]", both of the last two.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from builder.template.template import Template, properties_of

IAM = "CAPABILITY_IAM"
NAMED_IAM = "CAPABILITY_NAMED_IAM"
AUTO_EXPAND = "CAPABILITY_AUTO_EXPAND"

# The property by which a template names an IAM resource. An AWS::IAM::Policy has to have its name, within its role.
_NAMES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
# These become nested stacks, whose templates are not at hand and which have their parent's capabilities.
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html
_NESTED = frozenset({"AWS::CloudFormation::Stack", "AWS::Serverless::Application"})
_SAM = "AWS::Serverless-2016-10-31"
# What these make of a template is known as far as IAM goes: nothing, or what the template shows itself.
_ADD_NO_IAM = frozenset({"AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen"})


def capabilities_of(template: Template) -> tuple[str, ...]:
    """Return the capabilities that a template may need, whatever its conditions come to; one of the two for IAM.

    What a macro, a nested stack or a module makes is not known here. All that they may need is acknowledged: the
    change set shows what was made, before it is executed.
    """
    resources = [*_resources(template.section("Resources"))]
    types = [str(body.get("Type")) for body in resources]
    transforms = [name if isinstance(name, str) else None for name in template.transforms]
    is_macro = any(name not in {_SAM, *_ADD_NO_IAM} for name in transforms) or template.calls("Fn::Transform")
    is_unknown = is_macro or any(map(_is_template, types))
    if is_unknown or any(map(has_custom_name, resources)):
        iam = [NAMED_IAM]
    else:
        # SAM makes a role for each function that names none, and policies for connectors, which any resource may have.
        iam = [IAM] if _SAM in transforms or any(name.startswith("AWS::IAM::") for name in types) else []
    return (*iam, AUTO_EXPAND) if transforms or is_unknown else tuple(iam)


def has_custom_name(resource: Mapping[str, Any]) -> bool:
    """Return whether a resource is of IAM and has a name of its own, which wants CAPABILITY_NAMED_IAM."""
    name = _NAMES.get(str(resource.get("Type")))
    return name is not None and name in properties_of(resource)


def _is_template(type_name: str) -> bool:
    return type_name in _NESTED or type_name.endswith("::MODULE")


def _resources(section: Mapping[Any, object]) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of a section, those within an Fn::ForEach too, once each."""
    for name, body in section.items():
        match body:
            case [_, _, Mapping() as fragment] if str(name).startswith("Fn::ForEach::"):
                yield from _resources(fragment)
            case Mapping():
                yield body
