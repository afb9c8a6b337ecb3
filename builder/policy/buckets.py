"""Replicating buckets, as policies name them, and what the jobs of S3 Batch Replication need; pure."""

import json

from builder.assembly.bound import Bound
from builder.policy.document import ANY, PolicyContext
from builder.policy.resource import ACTION_ARNS, BoundResource, each_resource
from builder.resource_types import BUCKET, ROLE

BATCH_SERVICE = "batchoperations.s3.amazonaws.com"
_RULES = "ReplicationConfiguration"


def paired_buckets(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of buckets that may replicate to each other: those with rules, where two regions have any."""
    replicating = [bucket for bucket in _buckets(bounds) if _RULES in bucket.properties]
    if len({bucket.region for bucket in replicating}) < 2:
        return ()
    return tuple(
        dict.fromkeys(arn for bucket in replicating for arn in ACTION_ARNS[BUCKET].place(bucket, context).arns)
    )


def batch_roles(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of the roles that S3 Batch Operations may assume."""

    def trusts(role: BoundResource) -> bool:
        return BATCH_SERVICE in json.dumps(role.properties.get("AssumeRolePolicyDocument"))

    roles = (role for role in each_resource(bounds) if role.type == ROLE and trusts(role))
    return tuple(dict.fromkeys(arn for role in roles for arn in ACTION_ARNS[role.type].place(role, context).arns))


def batch_jobs(bounds: tuple[Bound, ...], context: PolicyContext) -> tuple[str, ...]:
    """Return the ARNs of the account's jobs in the regions that have buckets."""
    regions = dict.fromkeys(bucket.region for bucket in _buckets(bounds))
    return tuple(f"arn:{context.partition}:s3:{region}:{context.account}:job/{ANY}" for region in regions)


def _buckets(bounds: tuple[Bound, ...]) -> list[BoundResource]:
    return [resource for resource in each_resource(bounds) if resource.type == BUCKET]
