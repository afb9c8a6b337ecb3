"""Drift of every stack of every region, detected side by side."""

from typing import TYPE_CHECKING

from builder.aws import Clients, call, pages, together
from builder.deploy.observe import ObservedStack
from builder.errors import BuilderError
from builder.state.records import DriftedResource, DriftedStack, PropertyDrift

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceDriftTypeDef

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html
_DETECTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import-new-stack.html
    | {"IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)


async def observe_drift(clients: Clients, stacks: tuple[ObservedStack, ...]) -> tuple[DriftedStack, ...]:
    """Return what each stack drifted by; one that can't be looked at says why, and stops no other."""
    return tuple(await together(_observe(clients, stack) for stack in stacks))


async def _observe(clients: Clients, stack: ObservedStack) -> DriftedStack:
    if stack.status not in _DETECTABLE:
        return _unknown(stack, f"{stack.status} does not allow drift detection")
    try:
        status, reason = await _detect(clients, stack)
        resources = await _read(clients, stack)
    except BuilderError as error:
        return _unknown(stack, error.what)
    # Where detection failed for some resources, those for which it did not are told all the same.
    problem = (reason or status) if status == "DETECTION_FAILED" else ""
    return DriftedStack(
        region=stack.region,
        name=stack.name,
        status="DRIFTED" if resources else "UNKNOWN" if problem else "IN_SYNC",
        resources=resources,
        problem=problem,
    )


def _unknown(stack: ObservedStack, problem: str) -> DriftedStack:
    return DriftedStack(region=stack.region, name=stack.name, status="UNKNOWN", problem=problem)


async def _detect(clients: Clients, stack: ObservedStack) -> tuple[str, str]:
    """Detect, and return how that ended, with its reason."""
    client, where = clients.of(stack.site).cloudformation(stack.region), f"{stack.region}/{stack.name}"
    begun = await call(where, client.detect_stack_drift, StackName=stack.arn)

    async def look() -> tuple[str, str] | None:
        found = await call(
            where,
            client.describe_stack_drift_detection_status,
            StackDriftDetectionId=begun["StackDriftDetectionId"],
        )
        if found["DetectionStatus"] == "DETECTION_IN_PROGRESS":
            return None
        return found["DetectionStatus"], found.get("DetectionStatusReason", "")

    return await clients.tempo.stacks.until(look)


async def _read(clients: Clients, stack: ObservedStack) -> tuple[DriftedResource, ...]:
    """Return every resource that drifted, over all pages."""
    client, where = clients.of(stack.site).cloudformation(stack.region), f"{stack.region}/{stack.name}"
    found: list[DriftedResource] = []
    async for page in pages(
        where,
        client.describe_stack_resource_drifts,
        StackName=stack.arn,
        StackResourceDriftStatusFilters=["MODIFIED", "DELETED"],
    ):
        found += [_resource(one) for one in page["StackResourceDrifts"]]
    return tuple(found)


def _resource(said: "StackResourceDriftTypeDef") -> DriftedResource:
    return DriftedResource(
        logical_id=said["LogicalResourceId"],
        type=said["ResourceType"],
        physical_id=said.get("PhysicalResourceId", ""),
        status=said["StackResourceDriftStatus"],
        properties=tuple(
            PropertyDrift(
                path=one["PropertyPath"],
                kind=one["DifferenceType"],
                expected=one["ExpectedValue"],
                actual=one["ActualValue"],
            )
            for one in said.get("PropertyDifferences", [])
        ),
    )
