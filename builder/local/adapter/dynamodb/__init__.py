"""DynamoDB: a global table with a replica in each of its regions.

`global_table` is the resource type, with what each replica has of its own. `writes` sends every write to the other
replicas.
"""

from builder.local.adapter.dynamodb import writes

__all__ = ["global_table", "writes"]
