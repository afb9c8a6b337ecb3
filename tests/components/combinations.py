"""Combinations of everything that dr.yaml may say of what is built in, in which every two values meet."""

import functools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from builder.assembly import Assembly, OutputOf
from builder.assembly.manifest import StackEntry
from builder.assembly.render import make_assembly
from builder.config import LoadedConfig
from components.pairwise import Row, pairwise
from loaded_config import ABSENT, make_loaded_config
from strangers.policies import Policy, concrete_policies

AT_LEAST = 100
KEY = "mrk-0123456789abcdef0123456789abcdef"
OWN_KEY = "alias/shop"
FACTORS: dict[str, list[Any]] = {
    "regions": [
        {"primary": "us-east-1", "secondaries": ["us-west-2"]},
        {"primary": "eu-central-1", "secondaries": ["eu-west-1", "eu-north-1"], "born": "eu-west-1"},
    ],
    "table": [ABSENT, {}, {"point_in_time_recovery": False}],
    "bucket": [ABSENT, {}, {"expire_noncurrent_days": 7}],
    "function": [ABSENT, {}, {"url_auth": "NONE", "memory_mb": 512, "runtime": "python3.13"}],
    "tables.orders.point_in_time_recovery": [True, False, {"days": 7}],
    "tables.orders.key": [{"id": "S"}, {"customer": "S", "placed_at": "N"}, {"digest": "B"}],
    "tables.orders.indexes": [
        {},
        {"by_status": {"key": {"status": "S"}}},
        {"by_status": {"key": {"status": "S", "day": "N"}, "projection": "keys_only"}, "by_day": {"key": {"day": "N"}}},
    ],
    "tables.orders.ttl": [ABSENT, "expires_at"],
    "tables.orders.stream": ["NEW_AND_OLD_IMAGES", "KEYS_ONLY"],
    "tables.orders.deletion_protection": [False, True],
    "tables.orders.existing": [ABSENT, "acme-orders", "orders-${EnvironmentSuffix}"],
    "buckets.uploads.expire_noncurrent_days": [1, 365],
    "buckets.uploads.replication": ["one-way", "two-way", "none"],
    "buckets.uploads.backfill": [False, True],
    "buckets.uploads.existing": [ABSENT, "acme-uploads", "acme-${EnvironmentSuffix}-uploads"],
    "functions.api.runtime": ["python3.14", "nodejs24.x"],
    "functions.api.environment": [{}, {"LOG_LEVEL": "info"}],
    "functions.api.url": [ABSENT, False, {"auth": "NONE"}],
    "functions.api.architecture": ["x86_64", "arm64"],
    "functions.api.reserved_concurrency": [ABSENT, 5],
    "functions.api.uses": [
        {},
        {"orders": "read", "uploads": "read_write"},
        {"orders": "read_write", "uploads": "read"},
    ],
    "functions.api.policy": [
        [],
        [{"Action": ["sns:Publish"], "Resource": ["arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:news"]}],
    ],
    "drill": [{}, {"fis": True}, {"fis": {"stop_alarms": ["checkout-errors"]}}],
    "encryption": [
        ABSENT,
        {"key": "managed"},
        {"key": "managed", "functions": False, "pending_window_days": 7},
        {"key": OWN_KEY, "functions": False},
    ],
    "alarms": [ABSENT, {}, {"email": ["ops@example.com"], "errors_percent": 10}],
    "environments.prod.alarms": [ABSENT, {"errors_percent": 1, "notify": False}],
    "protect": [False, True],
    "environments.prod.tables.orders.deletion_protection": [ABSENT, False],
    "environments.prod.functions.api.reserved_concurrency": [ABSENT, 50],
    "permissions_boundary": [ABSENT, "boundary-${EnvironmentSuffix}"],
    "termination_protection": [ABSENT, True, False],
    "tags": [{}, {"team": "core"}],
    "environments.prod.production": [True, False],
    "environments.prod.functions.api.memory_mb": [ABSENT, 1024],
    "environments.prod.buckets.uploads.expire_noncurrent_days": [ABSENT, 90],
    "environments.prod.buckets.uploads.pause_lifecycle": [ABSENT, True],
}
"""By the key's place in dr.yaml; what is absent is not written."""


@functools.cache
def combinations() -> list[Row]:
    """Return the combinations, a hundred at least."""
    return pairwise(FACTORS, AT_LEAST)


def loaded_of(row: Row) -> LoadedConfig:
    """Return what a combination asks for."""
    sections: dict[str, Any] = dict.fromkeys(("table", "bucket", "function"), ABSENT)
    for place, value in row.items():
        if value == ABSENT:
            continue
        *parents, last = place.split(".")
        section = sections
        for parent in parents:
            section = section.setdefault(parent, {})
        section[last] = value
    if "alarms" not in sections:
        sections["environments"]["prod"].pop("alarms", None)
    return make_loaded_config(project="pw", **sections)


def policies_of(rows: Iterable[Row]) -> tuple[Policy, ...]:
    """Return every policy of these combinations, each once."""
    policies: dict[str, Policy] = {}
    for row in rows:
        for policy in concrete_policies(_with_keys(make_assembly(loaded_of(row)))):
            policies.setdefault(policy.document, policy)
    return tuple(policies.values())


def _with_keys(assembly: Assembly) -> Assembly:
    """Return the assembly with a key in place of outputs that only a deployment tells, which are all of keys."""

    def with_key(entry: StackEntry) -> StackEntry:
        key = {"KeyId": KEY, "KeyArn": f"arn:aws:kms:{entry.region}:111122223333:key/{KEY}"}
        values = {
            name: key[value.output[1]] if isinstance(value, OutputOf) else value
            for name, value in entry.parameters.items()
        }
        return replace(entry, parameters=values)

    stacks = tuple(with_key(entry) for entry in assembly.manifest.stacks)
    return replace(assembly, manifest=replace(assembly.manifest, stacks=stacks))
