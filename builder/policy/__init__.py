"""The least policies for an assembly: for who runs a verb, and for CloudFormation's service role; pure.

    calls      what the verbs ask of AWS themselves      handlers   what CloudFormation asks for a resource type
    places     the ARNs that follow from a name          placing    where one of a handler's actions is allowed
    unneeded   what a handler lists for nothing here     document   grants to a policy document
    caller, service_role   the two policies              explain    the reason of every action
    execution_role         a fleet's, in each account

Left as it is, a Setting makes ARNs in CloudFormation's own words, good for a template.
"""

from builder.policy.caller import PolicyCaller, PolicyRequest, make_rights
from builder.policy.document import explain, make_document, size, too_large
from builder.policy.records import PolicyScope, Rights, Verb
from builder.policy.resource import ReadUrl, bind_nested, bind_templates, of_account
from builder.policy.service_role import execution_role_rights, service_role_rights

__all__ = [
    "PolicyCaller",
    "PolicyRequest",
    "PolicyScope",
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
