"""Operations on a stack that need a region which hangs: they stay in progress as long as it does.

That is so for global tables, whose handler calls DynamoDB in the region of every replica, and for operations of change
sets only: any other fails at once.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from builder.local.adapter.cloudformation.imports import executed_change_set
from builder.local.adapter.cloudformation.requests import ChangeSet, Stack, stack_of
from builder.local.adapter.emulator import replace
from builder.local.adapter.regions import Regions

_CHANGE_SETS = "ministack.services.cloudformation.changesets"
_TABLE = "AWS::DynamoDB::GlobalTable"


def install(regions: Regions) -> None:
    """Let imports and deployments wait for regions that hang."""
    replace(f"{_CHANGE_SETS}:_import_resources_async", lambda import_all: _make_import_all(import_all, regions))
    replace(f"{_CHANGE_SETS}:_deploy_stack_async", lambda deploy: _make_deploy(deploy, regions))


def _make_import_all(import_all: Callable[..., Awaitable[None]], regions: Regions) -> Callable[..., Awaitable[None]]:
    async def import_when_it_answers(change_set: ChangeSet, stack: Stack, *rest: bool) -> None:
        for region in _replicas(change_set, stack):
            fault = regions.find(region, "dynamodb")
            if fault is not None and fault.imports_too:
                await regions.wait(region, "dynamodb")
        await import_all(change_set, stack, *rest)

    return import_when_it_answers


def _make_deploy(deploy: Callable[..., Awaitable[None]], regions: Regions) -> Callable[..., Awaitable[None]]:
    async def deploy_when_it_answers(*arguments: Any, **named: Any) -> None:  # noqa: ANN401  the emulator's own
        change_set = executed_change_set()
        if change_set is not None:
            for region in _replicas(change_set, stack_of(change_set)):
                await regions.wait(region, "dynamodb")
        await deploy(*arguments, **named)

    return deploy_when_it_answers


def _replicas(change_set: ChangeSet, stack: Stack) -> Iterator[str]:
    """Yield the regions of the tables that a change set works on, as the template has them, or had them."""
    rows = (change["ResourceChange"] for change in change_set["Changes"])
    tables = {
        row["LogicalResourceId"]
        for row in rows
        if row["ResourceType"] == _TABLE and row.get("PolicyAction") != "Retain"
    }
    regions_of_replicas = {
        replica["Region"]
        for template in (change_set["_template"], stack.get("_template") or {})
        for name, resource in _resources(template).items()
        if name in tables
        for replica in (resource.get("Properties") or {}).get("Replicas", [])
        if isinstance(replica, Mapping) and isinstance(replica.get("Region"), str)
    }
    yield from sorted(regions_of_replicas)


def _resources(template: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    resources: Mapping[str, Mapping[str, Any]] = template.get("Resources") or {}
    return resources
