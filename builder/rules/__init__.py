"""This project's cfn-lint rules, for anybody: `cfn-lint TEMPLATE --append-rules builder.rules`.

One rule a module; docs/rules.md, made from them, lists them all. The names below are what cfn-lint picks up when it
is given this package by its import name; given the folder it reads each module on its own.
"""

from builder.rules.alarm_dimensions import AlarmDimensions
from builder.rules.alarm_missing_data import AlarmMissingData
from builder.rules.alarm_topic_key import AlarmTopicKey
from builder.rules.alarm_topic_policy import AlarmTopicPolicy
from builder.rules.bucket_key_algorithm import BucketKeyAlgorithm
from builder.rules.bucket_name_prefix import BucketNamePrefix
from builder.rules.bucket_retention import BucketRetention
from builder.rules.bucket_tls import BucketTls
from builder.rules.deletion_policy import DeletionPolicies
from builder.rules.function_key_alias import FunctionKeyAlias
from builder.rules.function_log_groups import FunctionLogGroups
from builder.rules.function_url_permissions import FunctionUrlPermissions
from builder.rules.global_table_attributes import GlobalTableAttributes
from builder.rules.global_table_definitions import GlobalTableDefinitions
from builder.rules.global_table_keys import GlobalTableKeys
from builder.rules.global_table_own_region import GlobalTableOwnRegion
from builder.rules.global_table_regions import GlobalTableRegions
from builder.rules.global_table_replica import GlobalTableReplica
from builder.rules.global_table_stream import GlobalTableStream
from builder.rules.global_table_strong import GlobalTableStrong
from builder.rules.global_table_strong_options import GlobalTableStrongOptions
from builder.rules.global_table_write_capacity import GlobalTableWriteCapacity
from builder.rules.key_administrators import KeyAdministrators
from builder.rules.key_region import KeyRegion
from builder.rules.log_group_key import LogGroupKey
from builder.rules.per_build_tags import PerBuildTags
from builder.rules.replication_delete_markers import ReplicationDeleteMarkers
from builder.rules.replication_keys import ReplicationKeys
from builder.rules.replication_priority import ReplicationPriority
from builder.rules.replication_tag_filter import ReplicationTagFilter
from builder.rules.replication_time_control import ReplicationTimeControl
from builder.rules.replication_versioning import ReplicationVersioning
from builder.rules.replication_without_filter import ReplicationWithoutFilter

__all__ = [
    "AlarmDimensions",
    "AlarmMissingData",
    "AlarmTopicKey",
    "AlarmTopicPolicy",
    "BucketKeyAlgorithm",
    "BucketNamePrefix",
    "BucketRetention",
    "BucketTls",
    "DeletionPolicies",
    "FunctionKeyAlias",
    "FunctionLogGroups",
    "FunctionUrlPermissions",
    "GlobalTableAttributes",
    "GlobalTableDefinitions",
    "GlobalTableKeys",
    "GlobalTableOwnRegion",
    "GlobalTableRegions",
    "GlobalTableReplica",
    "GlobalTableStream",
    "GlobalTableStrong",
    "GlobalTableStrongOptions",
    "GlobalTableWriteCapacity",
    "KeyAdministrators",
    "KeyRegion",
    "LogGroupKey",
    "PerBuildTags",
    "ReplicationDeleteMarkers",
    "ReplicationKeys",
    "ReplicationPriority",
    "ReplicationTagFilter",
    "ReplicationTimeControl",
    "ReplicationVersioning",
    "ReplicationWithoutFilter",
]
