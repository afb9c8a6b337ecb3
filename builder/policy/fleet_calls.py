"""What each verb of a fleet asks of AWS by itself: of the stacks that hold its sets as `calls` has it, and of the sets.

The verbs are held to it both ways by a test that lives through them on the fake AWS.
Actions: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
"""

from builder.policy.calls import CALLS, Call, On, called
from builder.policy.records import Verb


def _each(service: str, on: On, reasons: dict[str, str]) -> tuple[Call, ...]:
    return tuple(called(f"{service}:{name}", because, on) for name, because in reasons.items())


def _of(verb: Verb, *operations: str) -> tuple[Call, ...]:
    return tuple(call for call in CALLS[verb] if call.operation in operations)


_SETS = _each("cloudformation", On.STACK_SETS, {"ListStackInstances": "where a set's stacks stand, and how"})
_OPERATIONS = _each("cloudformation", On.STACK_SETS, {"ListStackSetOperations": "what runs on a set"})
_COMPARED = _each(
    "cloudformation",
    On.STACK_SETS,
    {
        "DescribeStackSet": "what a set holds now, to compare it",
        "DescribeStackInstance": "the parameters that an instance has of its own",
    },
)
_MEMBERS = (
    *_each(
        "organizations", On.ORGANIZATION, {"DescribeOrganization": "which account manages it: StackSets leave it out"}
    ),
    *_each(
        "organizations",
        On.UNITS,
        {
            "ListAccountsForParent": "who is in a unit that a fleet names",
            "ListOrganizationalUnitsForParent": "the units below it",
        },
    ),
)
_WATCHED = (
    *_OPERATIONS,
    *_each(
        "cloudformation",
        On.STACK_SETS,
        {"ListStackSetOperationResults": "how far an operation is, and where and why it failed"},
    ),
)
_IN_ACCOUNTS = _each(
    "sts", On.INSTANCE_ROLES, {"AssumeRole": "outputs and buckets of other accounts, each by its role there"}
)
# Of sets that an update dropped from the template of the stack that still holds them.
_DROPPED = _each("cloudformation", On.STACK_SETS, {"DescribeStackSet": "what a set was that a failed update dropped"})
# Whether what is wrong with a stack can be mended: not where its account is suspended or closed.
_STATES = _each("organizations", On.ORGANIZATION, {"ListAccounts": "whether the account of what failed is suspended"})
FLEET_CALLS: dict[Verb, tuple[Call, ...]] = {
    Verb.FLEET_PLAN: (*CALLS[Verb.PLAN], *_SETS, *_COMPARED, *_MEMBERS),
    Verb.FLEET_EXECUTE: (
        *CALLS[Verb.EXECUTE],
        *_of(Verb.DESTROY, "ListStackResources", "GetTemplate"),
        *_SETS,
        # What a saved plan says of accounts and data is judged anew.
        *_COMPARED,
        *_MEMBERS,
        *_STATES,
        *_WATCHED,
        *_each(
            "cloudformation",
            On.STACK_SETS,
            {
                "CreateStackInstances": "a stack that no change set brings",
                "UpdateStackInstances": "what failed within the tolerance",
                "StopStackSetOperation": "with --stop, and by `fleet stop`",
            },
        ),
    ),
    Verb.FLEET_STATUS: (
        *_of(Verb.DESTROY, "DescribeStacks", "ListChangeSets", "ListStackResources", "GetTemplate"),
        *_SETS,
        *_DROPPED,
        *_STATES,
        *_OPERATIONS,
        *_IN_ACCOUNTS,
    ),
    Verb.FLEET_DESTROY: (
        *CALLS[Verb.DESTROY],
        *_SETS,
        *_DROPPED,
        *_STATES,
        *_WATCHED,
        *_each("cloudformation", On.STACK_SETS, {"DeleteStackInstances": "the stacks in all accounts"}),
        *_IN_ACCOUNTS,
    ),
}
EVERY_CALL = CALLS | FLEET_CALLS
"""By verb, whosever it is."""
