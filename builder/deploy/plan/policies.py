"""What deployed stack policies deny in a plan's change sets, before anything runs; pure.

CloudFormation judges an update by the deployed policy, resource after resource during the execution, and rolls back
at the first denial. A change set does not show that, and takes no policy of its own: ExecuteChangeSet has no equivalent
of UpdateStack's StackPolicyDuringUpdate.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from builder.deploy.records import Deferred, ResourceChange, StackPolicy, Step
from builder.errors import Stopped, gathered
from builder.resource_types import NESTED_STACK
from builder.resource_types.fate import POLICY_ATTRIBUTES
from builder.template import OPEN_POLICY, UpdateAction, denial
from builder.terms import StackId

# Attributes that only CloudFormation uses: *unverified* whether a policy judges them.
_NOT_JUDGED = frozenset({"Metadata", *POLICY_ATTRIBUTES, "CreationPolicy", "UpdatePolicy"})


def denials(changes: Iterable[ResourceChange], policy: str | None) -> tuple[str, ...]:
    """Return the changes that a policy certainly denies, one line each."""
    changes = tuple(changes)
    return () if policy is None else tuple(_denials(changes, policy))


def check_policies(steps: Iterable[Step], policies: Mapping[StackId, str | None]) -> None:
    """Raise Stopped, naming every resource, if a deployed policy denies what a change set does."""
    faults = [
        _denied(step, lines)
        for step in steps
        if step.type == "UPDATE" and (lines := denials(step.changes, policies.get(step.stack)))
    ]
    if faults:
        raise gathered(faults)


def opened(policies: Iterable[StackPolicy]) -> frozenset[StackId]:
    """Return the stacks whose policy is opened before their change sets, so that it denies none of them."""
    return frozenset(policy.stack for policy in policies if policy.opens)


def foretell(deferred: Deferred, policy: str | None) -> Deferred:
    """Return a deferred change set with what the policy denies if it shows the most that it may."""
    lines = denials(deferred.changes, policy) if deferred.type == "UPDATE" else ()
    warnings = tuple(f"if it changes that, the stack policy denies {line}" for line in lines)
    return replace(deferred, findings=(*deferred.findings, *warnings))


def _denied(step: Step, lines: tuple[str, ...]) -> Stopped:
    body = f"--stack-policy-body '{OPEN_POLICY}'"
    return Stopped(
        where=step.stack,
        what="\n  ".join(("the stack policy that stands denies what the change set does:", *lines)),
        next_step=f"aws cloudformation set-stack-policy --region {step.region} --stack-name {step.name} {body}"
        "    opens it; the same command again executes the change set, then sets the policy that is said in dr.yaml",
    )


def _denials(changes: tuple[ResourceChange, ...], policy: str) -> Iterator[str]:
    for change in changes:
        reasons = {
            action: denial(policy, action, change.logical_id, change.type) for action in _actions(change, changes)
        }
        if reasons and all(reasons.values()):
            action, reason = next(iter(reasons.items()))
            yield f"{action} of {change.logical_id} ({change.type}): {reason}"


def _actions(change: ResourceChange, changes: tuple[ResourceChange, ...]) -> tuple[UpdateAction, ...]:
    """Return the actions by which CloudFormation judges a change; several where only the execution decides which."""
    # A nested stack's resources are judged by its own policy.
    if "/" in change.logical_id or _is_idle(change, changes):
        return ()
    if change.action == "Remove":
        return ("Update:Delete",)
    if change.action != "Modify" or (change.scope and _NOT_JUDGED.issuperset(change.scope)):
        return ()
    if change.replacement == "Conditional":
        return ("Update:Modify", "Update:Replace")
    return ("Update:Replace",) if change.is_replaced else ("Update:Modify",)


def _is_idle(change: ResourceChange, changes: tuple[ResourceChange, ...]) -> bool:
    """Return whether the change is a nested stack that CloudFormation lists though nothing changes in it."""
    within = any(other.logical_id.startswith(f"{change.logical_id}/") for other in changes)
    return change.type == NESTED_STACK and not change.properties and not within
