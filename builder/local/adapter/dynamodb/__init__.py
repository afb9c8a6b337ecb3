"""DynamoDB: a global table with a replica in each of its regions.

`global_table` is the resource type, `replicas` has what each replica has of its own, `lost_replicas` what becomes of
one whose region is lost. `settings` refuses what DynamoDB refuses, `encryption` has the keys of KMS. `writes` sends
every write to the other replicas.
"""

from builder.local.adapter.dynamodb import encryption, settings, writes

__all__ = ["encryption", "global_table", "lost_replicas", "settings", "writes"]
