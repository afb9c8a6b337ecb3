"""DynamoDB: a global table with a replica in each of its regions.

`global_table` is the resource type, `replicas` has what each replica has of its own, `lost_replicas` what becomes of
one whose region is lost. `groups` has what replicas share, `settings` refuses what DynamoDB refuses, `descriptions`
says what it says of a table, `encryption` has the keys of KMS. `writes` sends every write to the other replicas.
"""

from builder.local.adapter.dynamodb import encryption, settings, writes

__all__ = ["descriptions", "encryption", "global_table", "groups", "lost_replicas", "settings", "writes"]
