"""Whose a stack is that stands under a name of the assembly: the deployment's, another's, or nobody's here yet."""

from builder.deploy.desired import TAG_DEPLOYMENT
from builder.deploy.observe.stacks import ObservedStack, is_of_set


def is_ours(stack: ObservedStack, deployment: str) -> bool:
    """Return whether a stack carries the deployment's tag."""
    return stack.tags.get(TAG_DEPLOYMENT) == deployment


def whose(stack: ObservedStack, deployment: str) -> str:
    """Return why a stack can't become the deployment's, in words that follow its name; empty where it can, or is.

    Tags that begin with `aws:` only AWS's own services can give, and none of them lets somebody else update its stacks:
    Service Catalog names the provisioned product by such tags.
    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html,
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html,
    https://docs.aws.amazon.com/servicecatalog/latest/adminguide/autotags.html
    """
    if is_ours(stack, deployment):
        return ""
    if stack.parent is not None:
        return f"is nested in {stack.parent}, and updated by that one alone"
    if is_of_set(stack):
        return "is an instance of a StackSet, and drifts from it where anybody else updates it"
    if other := stack.tags.get(TAG_DEPLOYMENT):
        return f"is of the deployment {other}, by its tag {TAG_DEPLOYMENT}"
    if services := sorted(name for name in stack.tags if name.startswith("aws:")):
        return f"is kept by a service of AWS, by its tags {', '.join(services)}"
    return ""
