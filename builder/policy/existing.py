"""Tables and buckets that existed before the system, as policies name them, and the record of a promotion; pure.

A table's replicas may be in regions outside the system, and its keys in no template.
"""

from collections.abc import Iterator

from builder.assembly.bound import Bound
from builder.policy.document import ANY, NOWHERE_IN_PARTICULAR, GrantTarget, PolicyContext
from builder.policy.resource import ACTION_ARNS, BoundResource, each_resource
from builder.resource_types import BUCKET, GLOBAL_TABLE


def data_places(bounds: tuple[Bound, ...], context: PolicyContext, tables: tuple[str, ...]) -> dict[str, GrantTarget]:
    """Return the tables and buckets that may be read before they change owners, by the names of `On`.

    `tables` are the ARNs of all tables, where their templates have them.
    """
    existing, keys = _existing_tables(bounds, context), _keys_of_tables(bounds, context)
    of_old = tuple(context.arn("dynamodb", "", f"global-table/{arn.rpartition('/')[2]}") for arn in existing)
    return {
        "EXISTING_TABLES": GrantTarget("ExistingTables", existing),
        "STREAMS": GrantTarget("Streams", tuple(f"{arn}/stream/{ANY}" for arn in (*tables, *existing))),
        "GLOBAL_TABLES": GrantTarget("GlobalTables", of_old),
        "EVERY_TABLE": NOWHERE_IN_PARTICULAR if tables else GrantTarget("EveryTable", ()),
        "TABLE_KEYS": GrantTarget("TableKeys", keys),
        "TABLE_ALIASES": NOWHERE_IN_PARTICULAR if keys else GrantTarget("TableAliases", ()),
        "EXISTING_BUCKETS": GrantTarget("ExistingBuckets", _existing_buckets(bounds, context)),
    }


def promotion_records(bounds: tuple[Bound, ...], context: PolicyContext, deployment: str) -> tuple[str, ...]:
    """Return the parameters that record a promotion; none if there is no table to move."""
    has_table = any(resource.type == GLOBAL_TABLE for resource in each_resource(bounds))
    regions = dict.fromkeys(bound.entry.region for bound in bounds) if has_table else {}
    return tuple(context.arn("ssm", region, f"parameter/builder/{deployment}/promotion") for region in regions)


def _existing_tables(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of the tables that exist already, in any region."""
    arns = (
        arn for table in _existing(bounds, GLOBAL_TABLE) for arn in ACTION_ARNS[GLOBAL_TABLE].place(table, context).arns
    )
    return tuple(dict.fromkeys(context.arn("dynamodb", ANY, arn.split(":", 5)[5]) for arn in arns))


def _existing_buckets(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of the buckets that exist already."""
    arns = (arn for bucket in _existing(bounds, BUCKET) for arn in ACTION_ARNS[BUCKET].place(bucket, context).arns)
    return tuple(dict.fromkeys(arns))


def _keys_of_tables(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of keys that may encrypt tables: any key, if a table has one, or existed before."""
    tables = (resource for resource in each_resource(bounds) if resource.type == GLOBAL_TABLE)
    encrypted = any("SSESpecification" in table.properties for table in tables)
    may_be = encrypted or any(True for _ in _existing(bounds, GLOBAL_TABLE))
    return (context.arn("kms", ANY, f"key/{ANY}"),) if may_be else ()


def _existing(bounds: tuple[Bound, ...], type_name: str) -> Iterator[BoundResource]:
    for bound in bounds:
        for name, body in bound.resources(type_name):
            if name in bound.entry.existing:
                yield BoundResource(bound, name, body)
