"""The least policies for an assembly: for the caller of a verb, and for CloudFormation's service role; pure.

    document       grants, with their places and reasons, and the document of them
    resource       templates bound to their stacks, and where an action on one of their resources is allowed
    rights         what CloudFormation needs for a resource type, a fleet's role in each account, and what the verbs
                   themselves call in AWS, a fleet's too, and so what their caller needs

A PolicyContext with its defaults makes ARNs with CloudFormation's pseudo parameters, for a template.
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
