"""The least policies for an assembly: for who runs a verb, and for CloudFormation's service role; pure.

    document       grants, with their places and reasons, and the document that they come to
    resource       templates bound to their stacks, and where an action on one of their resources is allowed
    rights         what CloudFormation needs for a resource type, a fleet's role in each account, and what the verbs
                   ask of AWS themselves, a fleet's too, and so what whoever runs one needs

Left as it is, a PolicyContext makes ARNs in CloudFormation's own words, good for a template.
"""

from builder.policy.document import PolicyContext, Rights, Verb, explain, make_document, size, too_large
from builder.policy.resource import ReadUrl, bind_nested, bind_templates, of_account
from builder.policy.rights import PolicyCaller, PolicyRequest, execution_role_rights, make_rights, service_role_rights

__all__ = [
    "PolicyCaller",
    "PolicyContext",
    "PolicyRequest",
    "ReadUrl",
    "Rights",
    "Verb",
    "bind_nested",
    "bind_templates",
    "execution_role_rights",
    "explain",
    "make_document",
    "make_rights",
    "of_account",
    "service_role_rights",
    "size",
    "too_large",
]
