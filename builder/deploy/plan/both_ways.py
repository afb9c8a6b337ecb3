"""Two existing buckets that are to replicate to each other: their differences are shown first.

A rule does not change what exists. But from then on each bucket gets the other's new objects, and a backfill merges
the rest: which version of a key is read then follows from times that nobody compared. So planning lists each new pair
of buckets, and a contested key stops the plan until it is allowed.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from builder.assembly.components import Bucket
from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.objects import BucketPlace, KeyPair, observe_rules, pairs
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.records import Deferred, GuardHit, ResourceChange, Step
from builder.resource_types import BUCKET
from builder.terms import AccountId, Region, StackId, counted

BOTH_WAYS = "BothWays"
"""The word in `--allow` for a stack whose bucket is to get what another one has."""
_RULES = "ReplicationConfiguration"
_SHOWN = 5


@dataclass(slots=True)
class Contested:
    """The keys of two buckets for which each has something that the other lacks."""

    own: int = 0
    """How many keys have different versions in both."""
    deleted: int = 0
    """How many other keys are deleted in one bucket and readable in the other."""
    examples: list[str] = field(default_factory=list)

    def take(self, pair: KeyPair) -> None:
        """Count one key."""
        if not pair.is_contested:
            return
        if pair.lacking and pair.returning:
            self.own += 1
        else:
            self.deleted += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(pair.key)


@dataclass(frozen=True, slots=True)
class _Pair:
    stack: StackId
    """The stack whose bucket gets the rule back."""
    here: BucketPlace
    there: BucketPlace


async def both_ways_hits(
    deployment: Deployment,
    stacks: Mapping[StackId, ObservedStack],
    work: Collection[Step | Deferred],
    account: AccountId,
    clients: Clients,
) -> tuple[GuardHit, ...]:
    """Return a guard hit for each new pair of buckets that replicate to each other, if contested keys stop it."""
    changed = {step.stack for step in work if any(_touches_rules(change) for change in step.changes)}
    affected = [pair for pair in _pairs(deployment, stacks, account) if {pair.stack} & changed]
    hits = await together(_hit(clients, pair) for pair in affected)
    return tuple(hit for hit in hits if hit is not None)


def _touches_rules(change: ResourceChange) -> bool:
    """Return whether an existing bucket may get other rules; True where no property is shown."""
    if change.type != BUCKET or change.action != "Modify":
        return False
    return not change.properties or any(_RULES in touched.path for touched in change.properties)


def _pairs(deployment: Deployment, stacks: Mapping[StackId, ObservedStack], account: AccountId) -> Iterator[_Pair]:
    for component in deployment.components.values():
        bucket = component.bucket
        for source, destination in bucket.replication if bucket else ():
            if bucket is None or (destination, source) not in bucket.replication:
                continue
            here, there = (_place(bucket, region, stacks, account) for region in (source, destination))
            if here and there:
                yield _Pair(bucket.names[source].output[0], here, there)


def _place(
    bucket: Bucket, region: Region, stacks: Mapping[StackId, ObservedStack], account: AccountId
) -> BucketPlace | None:
    stack_id, output = bucket.names[region].output
    stack = stacks.get(stack_id)
    if stack is None or not stack.facts.exists or output not in stack.outputs:
        return None
    return BucketPlace(site=stack.site, name=stack.outputs[output], owner=stack.site.account or account)


async def _hit(clients: Clients, pair: _Pair) -> GuardHit | None:
    if pair.there.name in await observe_rules(clients, pair.here):
        return None
    contested = Contested()
    async for key_pair in pairs(clients, pair.here, pair.there):
        contested.take(key_pair)
    if not contested.examples:
        return None
    here, there = pair.here.site.region, pair.there.site.region
    counts = []
    if contested.own:
        counts.append(f"{counted(contested.own, 'key')} with versions of their own in {here} and in {there}")
    if contested.deleted:
        counts.append(f"{counted(contested.deleted, 'key')} deleted in one of them and read in the other")
    first = ", ".join(contested.examples)
    why = f"{' and '.join(counts)} come together: which version is read then nobody compared; the first: {first}"
    return GuardHit(stack=pair.stack, logical_id=BOTH_WAYS, why=why, allow=f"{pair.stack}/{BOTH_WAYS}")
