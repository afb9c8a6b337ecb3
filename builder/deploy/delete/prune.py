"""What lies in the buckets for code and templates and nothing names any more: found by what AWS shows, and deleted.

An object is named by its key, in a template that is deployed, of any stack of the account; in one that a change set
holds, executed or not; in a StackSet's; in a template that lies in the bucket and is named itself; and in the assembly
at hand. Where AWS shows not all of that, nothing is deleted.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from builder.aws import Clients, call, pages, together
from builder.deploy.change_sets.artifacts import ObjectPlace, bucket_for
from builder.deploy.change_sets.change_set import observe_change_sets
from builder.deploy.desired import TAG_DEPLOYMENT, Deployment
from builder.deploy.observe.stacks import ObservedStack, SiteView, observe_template
from builder.errors import AwsError, BadInput, Failed, Stopped, gathered
from builder.terms import AccountId, Arn, Operation, Site, StackId, counted

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_KEY = re.compile(r"[0-9a-f]{64}\.(?:zip|yaml)")
YOUNG = timedelta(days=1)
"""What is younger stays: whoever uploaded it may be about to name it."""
_GONE = frozenset({"NoSuchBucket", "404"})
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Leftover:
    """An object that nothing names, with every version and delete marker of it."""

    place: ObjectPlace
    size: int
    """Of all versions together."""
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pruning:
    """What there is to delete, and what stays."""

    leftovers: tuple[Leftover, ...]
    named: int
    """How many objects are named."""
    young: int
    """How many are not, and younger than a day."""


@dataclass(frozen=True, slots=True)
class _Object:
    place: ObjectPlace
    size: int
    versions: tuple[str, ...]
    changed: datetime


async def find_leftovers(
    deployment: Deployment, account: AccountId, others: Iterable[Site], clients: Clients, now: datetime
) -> Pruning:
    """Return what lies in the deployment's buckets and nothing names. `others` are more sites that may name something.

    Raises BadInput where the assembly has no bucket, and Stopped where a stack that takes something from one is not
    settled: what an update would be rolled back to AWS shows to nobody.
    """
    if deployment.artifacts_bucket is None:
        raise BadInput(where=deployment.name, what="nothing of it travels through a bucket, so there is none to prune")
    places = {site: bucket_for(deployment.artifacts_bucket, site, account) for site in deployment.sites}
    sites = tuple(dict.fromkeys((*places, *others)))
    listed = await together(_objects(clients, site, bucket, account) for site, bucket in places.items())
    objects = {one.place: one for found in listed for one in found}
    names = await together(_named(clients, site, deployment, frozenset(places.values())) for site in sites)
    named = {key for found in names for key in found}
    named |= {one.asset.key for one in deployment.assets}
    named |= {f"{stack.sha256}.yaml" for stack in (*deployment.stacks, *deployment.left_out)}
    named = await _closed(clients, objects, named)
    free = [one for one in objects.values() if one.place.key not in named]
    old = [one for one in free if now - one.changed >= YOUNG]
    return Pruning(
        leftovers=tuple(Leftover(one.place, one.size, one.versions) for one in old),
        named=len(objects) - len(free),
        young=len(free) - len(old),
    )


async def prune(leftovers: Iterable[Leftover], clients: Clients) -> int:
    """Delete every version of these objects; return how many objects. Raises Failed for what S3 keeps."""
    by_bucket: dict[tuple[Site, str, AccountId], list[ObjectIdentifierTypeDef]] = {}
    count = 0
    for one in leftovers:
        count += 1
        versions = by_bucket.setdefault((one.place.site, one.place.bucket, one.place.owner), [])
        versions += [{"Key": one.place.key, "VersionId": version} for version in one.versions]
    await together(
        _delete(clients, site, bucket, owner, versions[first : first + _BATCH])
        for (site, bucket, owner), versions in by_bucket.items()
        for first in range(0, len(versions), _BATCH)
    )
    return count


async def _delete(
    clients: Clients, site: Site, bucket: str, owner: AccountId, batch: "list[ObjectIdentifierTypeDef]"
) -> None:
    # No version that is gone is an error, so a request whose answer was lost can be sent again.
    answer = await call(
        f"{site.region}: {bucket}",
        clients.of(site).s3(site.region).delete_objects,
        Bucket=bucket,
        Delete={"Objects": batch, "Quiet": True},
        ExpectedBucketOwner=owner,
    )
    if refused := answer.get("Errors", []):
        first = refused[0]
        raise Failed(
            where=f"{site.region}: {bucket}",
            what=f"{counted(len(refused), 'version')} could not be deleted; the first, {first.get('Key')}: "
            f"{first.get('Code')}: "
            f"{first.get('Message')}",
            next_step="python -m builder artifacts prune    goes on from here",
        )


async def _objects(clients: Clients, site: Site, bucket: str, account: AccountId) -> list[_Object]:
    owner, client = site.account or account, clients.of(site).s3(site.region)
    found: dict[str, list[tuple[str, int, datetime]]] = {}
    listed = pages(f"{site.region}: {bucket}", client.list_object_versions, Bucket=bucket, ExpectedBucketOwner=owner)
    try:
        async for page in listed:
            for one in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if _KEY.fullmatch(one["Key"]):
                    size = one.get("Size", 0)
                    found.setdefault(one["Key"], []).append((one["VersionId"], int(str(size)), one["LastModified"]))
    except AwsError as error:
        if error.code in _GONE:
            return []
        raise
    return [
        _Object(
            place=ObjectPlace(site, bucket, key, owner),
            size=sum(size for _, size, _ in versions),
            versions=tuple(version for version, _, _ in versions),
            changed=max(changed for _, _, changed in versions),
        )
        for key, versions in found.items()
    ]


async def _named(clients: Clients, site: Site, deployment: Deployment, buckets: frozenset[str]) -> set[str]:
    """Return every key that is named in a site."""
    stacks = await SiteView(clients, site).every_stack()
    if errors := [_unsettled(stack) for stack in stacks if _hides(stack, deployment.name, buckets)]:
        raise gathered(errors)
    deployed = [stack for stack in stacks if stack.facts.exists]
    templates = await together(observe_template(clients, stack) for stack in deployed)
    reviewed = await together(_reviewed(clients, stack) for stack in stacks)
    sets = await _of_sets(clients, site)
    return {key for told in (*templates, *reviewed, sets) for key in _keys(told)}


def _hides(stack: ObservedStack, deployment: str, buckets: frozenset[str]) -> bool:
    """Return whether a stack may be rolled back to a template that nobody can see, and that may name something."""
    takes = stack.tags.get(TAG_DEPLOYMENT) == deployment or not buckets.isdisjoint(stack.parameters.values())
    return takes and stack.facts.operation in {Operation.WAIT, Operation.RECOVER, Operation.REFUSE}


def _unsettled(stack: ObservedStack) -> Stopped:
    return Stopped(
        where=f"{stack.region}/{stack.name}",
        what=f"is in {stack.status}: what it may be rolled back to is shown to nobody, so nothing is deleted",
        next_step="the same again once it has settled",
    )


async def _reviewed(clients: Clients, stack: ObservedStack) -> list[object]:
    """Return the templates of a stack's change sets, executed ones too: what it came from."""
    name = StackId(f"{stack.region}/{stack.name}")
    client = clients.of(stack.site).cloudformation(stack.region)

    async def template(change_set: Arn) -> object:
        try:
            answer = await call(name, client.get_template, ChangeSetName=change_set, TemplateStage="Original")
        except AwsError as error:
            if error.code == "ChangeSetNotFound":
                return ""
            raise
        return answer["TemplateBody"]

    waiting = await observe_change_sets(clients, name, stack.site, stack.arn)
    return [*await together(template(Arn(one["ChangeSetId"])) for one in waiting)]


async def _of_sets(clients: Clients, site: Site) -> list[object]:
    client, where = clients.of(site).cloudformation(site.region), f"{site.region}: StackSets"
    names = [
        one["StackSetName"]
        async for page in pages(where, client.list_stack_sets, Status="ACTIVE")
        for one in page["Summaries"]
    ]
    shown = await together(call(where, client.describe_stack_set, StackSetName=name) for name in names)
    return [one["StackSet"].get("TemplateBody", "") for one in shown]


async def _closed(clients: Clients, objects: Mapping[ObjectPlace, _Object], named: set[str]) -> set[str]:
    """Return the named keys, with those that named templates in the buckets name."""
    looked: set[str] = set()
    while unread := {key for key in named if key.endswith(".yaml")} - looked:
        looked |= unread
        places = [place for place in objects if place.key in unread]
        texts = await together(_text(clients, place) for place in places)
        named = named | {key for text in texts for key in _keys(text)}
    return named


async def _text(clients: Clients, place: ObjectPlace) -> str:
    client = clients.of(place.site).s3(place.site.region)
    try:
        answer = await call(
            place.text, client.get_object, Bucket=place.bucket, Key=place.key, ExpectedBucketOwner=place.owner
        )
    except AwsError as error:
        if error.code in {"NoSuchKey", *_GONE}:
            return ""  # only a delete marker is left of it
        raise
    return (await call(place.text, answer["Body"].read)).decode(errors="replace")


def _keys(told: object) -> set[str]:
    return set(_KEY.findall(told if isinstance(told, str) else json.dumps(told, default=str)))
