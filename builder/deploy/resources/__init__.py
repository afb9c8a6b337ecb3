"""The resource types of which it takes code to tell what a change loses, or to take one down: one module a type.

`public_access` tells what a resource of any type opens to the world. What goes with a resource, of these and of all
others, is in `builder.resource_types`.
"""

from collections.abc import Mapping
from typing import Any

from builder.deploy.resources import bucket, function_url, global_table, key, log_group, table
from builder.deploy.resources.holder import Holder, Seen, Singly
from builder.template import properties_of

HOLDERS: dict[str, Holder] = {
    "AWS::DynamoDB::GlobalTable": global_table.HOLDER,
    "AWS::DynamoDB::Table": table.HOLDER,
    "AWS::KMS::Key": key.HOLDER,
    "AWS::KMS::ReplicaKey": key.HOLDER,
    "AWS::Lambda::Url": function_url.HOLDER,
    "AWS::Logs::LogGroup": log_group.HOLDER,
    "AWS::S3::Bucket": bucket.HOLDER,
}


def regions_of(resource: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the regions that hold a copy of a resource's data, as far as its template says them."""
    holder = HOLDERS.get(str(resource.get("Type")))
    return holder.regions(properties_of(resource)) if holder else ()


__all__ = ["HOLDERS", "Holder", "Seen", "Singly", "regions_of"]
