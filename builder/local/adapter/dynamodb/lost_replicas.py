"""AWS::DynamoDB::GlobalTable while the region of one of its replicas is lost.

The handler calls DynamoDB in the region of every replica, so nothing becomes of a creation, an update or a deletion. An
import reads the replica of the stack's region; whether it needs the others is *unverified*, so the fault says it.
Source: the permissions of the handlers in the type's schema, and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.dynamodb.global_table import TYPE, find_regions
from builder.local.adapter.dynamodb.replicas import by_region
from builder.local.adapter.handlers import HandlerError, PhysicalResource, Properties
from builder.local.adapter.regions import Regions

_SERVICE = "dynamodb"


def install(handlers: MutableMapping[str, Any], regions: Regions) -> None:
    """Wrap the handlers of the type."""
    table = handlers[TYPE]
    table.update(
        create=_make_create(table["create"], regions),
        update=_make_update(table["update"], regions),
        delete=_make_delete(table["delete"], regions),
    )
    table["import"] = _make_import(table["import"], regions)


def _check(regions: Regions, needed: Iterable[str]) -> None:
    for region in sorted(needed):
        fault = regions.find(region, _SERVICE)
        if fault is not None and fault.status is not None:
            message = f"Service is unable to handle request in {region}."
            raise HandlerError(message, service="DynamoDb", status=fault.status, code="ServiceInternalError")


def _make_create(create: Callable[..., PhysicalResource], regions: Regions) -> Callable[..., PhysicalResource]:
    def create_table(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
        _check(regions, by_region(props))
        return create(logical_id, props, stack_name)

    return create_table


def _make_update(update: Callable[..., PhysicalResource], regions: Regions) -> Callable[..., PhysicalResource]:
    def update_table(physical_id: str, old: Properties, new: Properties, *rest: str) -> PhysicalResource:
        _check(regions, {*by_region(old), *by_region(new), *find_regions(physical_id)})
        return update(physical_id, old, new, *rest)

    return update_table


def _make_delete(delete: Callable[..., None], regions: Regions) -> Callable[..., None]:
    def delete_table(physical_id: str, props: Properties) -> None:
        _check(regions, find_regions(physical_id))
        delete(physical_id, props)

    return delete_table


def _make_import(import_: Callable[..., PhysicalResource], regions: Regions) -> Callable[..., PhysicalResource]:
    def import_table(identifier: Mapping[str, str]) -> PhysicalResource:
        needed = find_regions(identifier["TableName"])
        faults = {region: regions.find(region, _SERVICE) for region in needed}
        _check(regions, (region for region, fault in faults.items() if fault is not None and fault.imports_too))
        return import_(identifier)

    return import_table
