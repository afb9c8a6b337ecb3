"""A read-only look at StackSets: what they hold, where their stacks stand, what runs on them."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, pages, together
from builder.errors import AwsError
from builder.fleet.records import Instance, Overridden, StackSet
from builder.fleet.setting import Observed
from builder.terms import AccountId, Region, Site

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        StackInstanceSummaryTypeDef,
        StackSetOperationResultSummaryTypeDef,
        StackSetOperationSummaryTypeDef,
        StackSetTypeDef,
    )

# One call an instance: beyond so many they are read only when asked for.
OVERRIDES_READ = 100
ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
_NO_SET = "StackSetNotFoundException"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a StackSet's."""

    id: str
    action: str
    status: str
    created: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing of it goes on; QUEUED and STOPPING are no ends."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class Result:
    """How an operation goes in one account and region."""

    site: Site
    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED or CANCELLED."""
    reason: str = ""


def client_of(clients: Clients, stack_set: StackSet) -> "CloudFormationClient":
    """Return CloudFormation where the set is administered."""
    return clients.of(stack_set.site).cloudformation(stack_set.site.region)


def named(stack_set: StackSet) -> Any:  # noqa: ANN401 - keyword arguments, which the stubs type call by call
    """Return how every call names the set."""
    return {"StackSetName": stack_set.name, "CallAs": stack_set.call_as}


async def observe_set(clients: Clients, stack_set: StackSet, *, all_overrides: bool = False) -> Observed | None:
    """Return the set with all its instances; None if there is none.

    The parameters of its instances are read up to a number, which costs a call each, or of `all_overrides`.
    """
    said = await describe_set(clients, stack_set)
    if said is None:
        return None
    instances = await observe_instances(clients, stack_set)
    known = all_overrides or len(instances) <= OVERRIDES_READ
    return Observed(
        body=said.get("TemplateBody", ""),
        parameters=_values(said.get("Parameters", [])),
        instances=instances,
        overrides=await _overrides(clients, stack_set, instances) if known else (),
        overrides_known=known,
    )


async def describe_set(clients: Clients, stack_set: StackSet) -> "StackSetTypeDef | None":
    """Return the set as DescribeStackSet shows it; None if there is none."""
    try:
        answer = await call(stack_set.id, client_of(clients, stack_set).describe_stack_set, **named(stack_set))
    except AwsError as error:
        if error.code == _NO_SET:
            return None
        raise
    return answer["StackSet"]


async def observe_instances(clients: Clients, stack_set: StackSet, account: str | None = None) -> tuple[Instance, ...]:
    """Return every stack instance of the set, or those of one account, over all pages; none if there is no such set."""
    client = client_of(clients, stack_set)
    only = {"StackInstanceAccount": account} if account else {}
    found = _summaries(stack_set, client.list_stack_instances, **only)
    return tuple([_instance(one) async for one in found])


async def observe_operations(clients: Clients, stack_set: StackSet) -> tuple[Operation, ...]:
    """Return the set's operations, the newest first; none where there is no such set."""
    listed = _summaries(stack_set, client_of(clients, stack_set).list_stack_set_operations)
    found = [_operation(one) async for one in listed]
    return tuple(sorted(found, key=lambda one: one.created, reverse=True))


async def observe_results(clients: Clients, stack_set: StackSet, operation: str) -> tuple[Result, ...]:
    """Return how the operation goes in each account and region, over all pages."""
    client = client_of(clients, stack_set)
    results = pages(stack_set.id, client.list_stack_set_operation_results, OperationId=operation, **named(stack_set))
    return tuple([_result(one) async for page in results for one in page["Summaries"]])


async def _summaries(stack_set: StackSet, ask: Callable[..., Any], **only: str) -> AsyncIterator[Any]:
    """Yield all that is listed of a set, over all pages; nothing where there is no such set."""
    try:
        async for page in pages(stack_set.id, ask, **named(stack_set), **only):
            for one in page["Summaries"]:
                yield one
    except AwsError as error:
        if error.code != _NO_SET:
            raise


async def _overrides(clients: Clients, stack_set: StackSet, instances: Collection[Instance]) -> tuple[Overridden, ...]:
    client = client_of(clients, stack_set)

    async def one(instance: Instance) -> Overridden:
        answer = await call(
            stack_set.id,
            client.describe_stack_instance,
            StackInstanceAccount=str(instance.site.account),
            StackInstanceRegion=instance.site.region,
            **named(stack_set),
        )
        return Overridden(site=instance.site, parameters=_values(answer["StackInstance"].get("ParameterOverrides", [])))

    return tuple(found for found in await together(one(each) for each in instances) if found.parameters)


def _values(parameters: Any) -> Mapping[str, str]:  # noqa: ANN401 - the same shape under several types
    return {one["ParameterKey"]: one.get("ParameterValue", "") for one in parameters}


def _instance(said: "StackInstanceSummaryTypeDef") -> Instance:
    return Instance(
        site=Site(AccountId(said["Account"]), Region(said["Region"])),
        status=said["Status"],
        detailed_status=said.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        reason=said.get("StatusReason", ""),
        stack=said.get("StackId", ""),
        unit=said.get("OrganizationalUnitId", ""),
        drift=said.get("DriftStatus", ""),
        operation=said.get("LastOperationId", ""),
    )


def _operation(said: "StackSetOperationSummaryTypeDef") -> Operation:
    return Operation(
        id=said["OperationId"],
        action=said["Action"],
        status=said["Status"],
        created=said["CreationTimestamp"].isoformat(),
        reason=said.get("StatusReason", ""),
    )


def _result(said: "StackSetOperationResultSummaryTypeDef") -> Result:
    return Result(
        site=Site(AccountId(said["Account"]), Region(said["Region"])),
        status=said["Status"],
        reason=said.get("StatusReason", ""),
    )
