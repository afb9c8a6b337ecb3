"""The resource types where data or an address is at stake: what goes with each, and how each is taken down.

One module a type; those that are only guarded are one table. Listed here and nowhere else.
"""

from builder.deploy.resources import bucket, function_url, global_table, key, log_group, stack_set, table
from builder.deploy.resources.guarded_only import GUARDED_ONLY
from builder.deploy.resources.holder import Holder, Seen, Singly

HOLDERS: dict[str, Holder] = {
    stack_set.TYPE: stack_set.HOLDER,
    "AWS::DynamoDB::GlobalTable": global_table.HOLDER,
    "AWS::DynamoDB::Table": table.HOLDER,
    "AWS::KMS::Key": key.KEY,
    "AWS::KMS::ReplicaKey": key.REPLICA_KEY,
    "AWS::Lambda::Url": function_url.HOLDER,
    "AWS::Logs::LogGroup": log_group.HOLDER,
    "AWS::S3::Bucket": bucket.HOLDER,
    **{type_name: Holder(lost=lost) for type_name, lost in GUARDED_ONLY.items()},
}


def holds_data(type_name: str) -> bool:
    """Return whether a resource of this type holds anything that a template cannot make again."""
    return type_name in HOLDERS and HOLDERS[type_name].data


__all__ = ["HOLDERS", "Holder", "Seen", "Singly", "holds_data"]
