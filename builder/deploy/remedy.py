"""What a person types next about a stack that takes no change set as it stands; pure."""

from builder.deploy.observe import ObservedStack
from builder.terms import Operation


def remedy(stack: ObservedStack) -> str:
    """Return the command that leads on, and what it does; empty where planning anew does.

    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (status codes) and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
    """
    match stack.facts.operation:
        case Operation.RECOVER:
            return "python -m builder plan --recover    shows what it would roll back, and asks; so does deploy"
        case Operation.REFUSE if stack.status == "DELETE_FAILED":
            return "python -m builder destroy    finishes the deletion, and that of the whole deployment"
        case Operation.REFUSE:
            # CloudFormation documents no way back from here: neither a rollback nor a change set is taken.
            return (
                f"aws cloudformation describe-stack-events --region {stack.region} --stack-name {stack.name}"
                "    names what could not be imported: put that right and ask AWS Support to bring the stack back,"
                " or python -m builder destroy"
            )
        case Operation.WAIT:
            return "the same command again    waits for the operation's end"
        case Operation.CREATE | Operation.UPDATE | Operation.REBUILD:
            return ""
