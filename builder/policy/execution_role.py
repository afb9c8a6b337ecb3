"""What the role has to be allowed that StackSets takes in an account: the templates' own needs, and its own."""

from dataclasses import replace

from builder.assembly.bound import Bound
from builder.policy.records import ANY, NOWHERE_IN_PARTICULAR, Grant, Place, Rights, Setting, Verb
from builder.policy.service_role import service_role_rights

# AWS names the whole service for it, on anything; that these are all it calls is unverified.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
ON_INSTANCES: dict[str, str] = {
    "cloudformation:CreateStack": "an instance that is new",
    "cloudformation:UpdateStack": "an instance that a change reaches",
    "cloudformation:DeleteStack": "an instance that goes",
    "cloudformation:TagResource": "the set's tags on an instance",
    "cloudformation:UntagResource": "tags that the set no longer has",
    "cloudformation:DescribeStacks": "how far an instance is, and its outputs",
    "cloudformation:DescribeStackEvents": "why an instance failed",
    "cloudformation:DescribeStackResource": "what an instance holds",
    "cloudformation:DescribeStackResources": "what an instance holds",
    "cloudformation:ListStackResources": "what an instance holds",
    "cloudformation:GetTemplate": "what an instance runs now",
    "cloudformation:DetectStackDrift": "drift detection of the set",
    "cloudformation:DetectStackResourceDrift": "drift detection of the set",
    "cloudformation:DescribeStackResourceDrifts": "what drifted",
}
"""What StackSets does with an instance's stack, each with its reason."""

ON_ANYTHING: dict[str, str] = {
    "cloudformation:GetTemplateSummary": "the template's parameters, before there is a stack",
    "cloudformation:ValidateTemplate": "the template, before there is a stack",
    "cloudformation:DescribeStackDriftDetectionStatus": "how far drift detection is; IAM knows no resource for it",
}
"""What it does before there is a stack, or where IAM knows none, each with its reason."""


def execution_role_rights(bounds: tuple[Bound, ...], setting: Setting, fleet: str) -> Rights:
    """Return what the role needs; `fleet` is how the names of its StackSets begin, `tap-${EnvironmentSuffix}-`."""
    instances = tuple(replace(bound, entry=replace(bound.entry, name=_instance(fleet, bound))) for bound in bounds)
    stacks = Place("Instances", (setting.arn("cloudformation", ANY, f"stack/StackSet-{fleet}{ANY}/{ANY}"),))
    own = (
        *(Grant(action, stacks, because) for action, because in ON_INSTANCES.items()),
        *(Grant(action, NOWHERE_IN_PARTICULAR, because) for action, because in ON_ANYTHING.items()),
    )
    verbs = (service_role_rights(instances, setting, verb) for verb in (Verb.EXECUTE, Verb.DESTROY))
    return sum(verbs, Rights(own))


def _instance(fleet: str, bound: Bound) -> str:
    """Return the name of a stack that StackSets makes, as far as it can be known before."""
    return f"StackSet-{fleet}{bound.entry.id.replace('/', '-')}-{ANY}"
