"""The capabilities that the deployment of a template has to acknowledge; pure.

Sources: the parameter Capabilities of
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html, and, for nested stacks,
what ValidateTemplate answers: "require capabilities: [AWS::CloudFormation::Stack]", both of the last two.
"""

from collections.abc import Mapping
from typing import Any

from builder.resource_types import NAMED_IAM, NESTED
from builder.template import Template, properties_of

_OF_IAM = "CAPABILITY_IAM"
_OF_NAMED_IAM = "CAPABILITY_NAMED_IAM"
_AUTO_EXPAND = "CAPABILITY_AUTO_EXPAND"
_SAM = "AWS::Serverless-2016-10-31"
# These transforms add nothing of IAM, or only what the template itself shows.
_ADD_NO_IAM = frozenset({"AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen"})


def capabilities_of(template: Template) -> tuple[str, ...]:
    """Return the capabilities that a template may need, whatever its conditions are; one of the two for IAM.

    The results of macros, nested stacks and modules are unknown here. All that they may need is acknowledged: the
    change set shows the results, before it is executed.
    """
    resources = [body for _, body in template.written_resources()]
    types = [str(body.get("Type")) for body in resources]
    transforms = [name if isinstance(name, str) else None for name in template.transforms]
    is_macro = any(name not in {_SAM, *_ADD_NO_IAM} for name in transforms) or template.calls("Fn::Transform")
    is_unknown = is_macro or any(map(_is_template, types))
    if is_unknown or any(map(has_custom_name, resources)):
        iam = [_OF_NAMED_IAM]
    else:
        # SAM adds a role for each function without one, and policies for connectors, which any resource may have.
        iam = [_OF_IAM] if _SAM in transforms or any(name.startswith("AWS::IAM::") for name in types) else []
    return (*iam, _AUTO_EXPAND) if transforms or is_unknown else tuple(iam)


def has_custom_name(resource: Mapping[str, Any]) -> bool:
    """Return whether a resource is of IAM and has a name of its own, which requires CAPABILITY_NAMED_IAM."""
    return NAMED_IAM.get(str(resource.get("Type"))) in properties_of(resource)


def _is_template(type_name: str) -> bool:
    # A nested stack has its parent's capabilities, and its template is not read here.
    return type_name in NESTED or type_name.endswith("::MODULE")
