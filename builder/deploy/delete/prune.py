"""Objects in the buckets for code and templates that nothing refers to any more: found by reading AWS, and deleted.

References are keys: in the deployed template of any stack of the account; in the template of a change set, executed
or not, or of a StackSet; in a template in the bucket that is referred to itself; and in the assembly. Nothing is
deleted where AWS does not show all of these.
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
"""Younger objects stay: whoever uploaded one may be about to refer to it."""
_GONE = frozenset({"NoSuchBucket", "404"})
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Leftover:
    """An object without a reference, with all its versions and delete markers."""

    place: ObjectPlace
    size: int
    """The size of all versions together, in bytes."""
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pruning:
    """The objects to delete, and the number of those that stay."""

    leftovers: tuple[Leftover, ...]
    named: int
    """The number of objects with a reference."""
    young: int
    """The number of objects without a reference that are younger than a day."""


@dataclass(frozen=True, slots=True)
class _Object:
    place: ObjectPlace
    size: int
    versions: tuple[str, ...]
    changed: datetime


async def find_leftovers(
    deployment: Deployment, account: AccountId, others: Iterable[Site], clients: Clients, now: datetime
) -> Pruning:
    """Return the deployment's objects that nothing refers to. `others` are more sites that may refer to some.

    Raises BadInput where the assembly has no bucket, and Stopped where a stack that may use one is not settled: AWS
    does not show the template to which its update may be rolled back.
    """
    if deployment.artifacts_bucket is None:
        raise BadInput(where=deployment.name, what="nothing of it travels through a bucket, so there is none to prune")
    places = {site: bucket_for(deployment.artifacts_bucket, site, account) for site in deployment.sites}
    sites = tuple(dict.fromkeys((*places, *others)))
    listed = await together(_objects(clients, site, bucket, account) for site, bucket in places.items())
    objects = {item.place: item for listing in listed for item in listing}
    names = await together(_named(clients, site, deployment, frozenset(places.values())) for site in sites)
    named = {key for keys in names for key in keys}
    named |= {built.asset.key for built in deployment.assets}
    named |= {f"{stack.sha256}.yaml" for stack in (*deployment.stacks, *deployment.left_out)}
    named = await _closed(clients, objects, named)
    free = [item for item in objects.values() if item.place.key not in named]
    old = [item for item in free if now - item.changed >= YOUNG]
    return Pruning(
        leftovers=tuple(Leftover(item.place, item.size, item.versions) for item in old),
        named=len(objects) - len(free),
        young=len(free) - len(old),
    )


async def prune(leftovers: Iterable[Leftover], clients: Clients) -> int:
    """Delete every version of these objects; return the number of objects. Raises Failed for versions that S3 keeps."""
    by_bucket: dict[tuple[Site, str, AccountId], list[ObjectIdentifierTypeDef]] = {}
    count = 0
    for leftover in leftovers:
        count += 1
        versions = by_bucket.setdefault((leftover.place.site, leftover.place.bucket, leftover.place.owner), [])
        versions += [{"Key": leftover.place.key, "VersionId": version} for version in leftover.versions]
    await together(
        _delete(clients, site, bucket, owner, versions[first : first + _BATCH])
        for (site, bucket, owner), versions in by_bucket.items()
        for first in range(0, len(versions), _BATCH)
    )
    return count


async def _delete(
    clients: Clients, site: Site, bucket: str, owner: AccountId, batch: "list[ObjectIdentifierTypeDef]"
) -> None:
    # A version that is gone is no error, so a request whose answer was lost can be sent again.
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
    versions_of: dict[str, list[tuple[str, int, datetime]]] = {}
    listed = pages(f"{site.region}: {bucket}", client.list_object_versions, Bucket=bucket, ExpectedBucketOwner=owner)
    try:
        async for page in listed:
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", [])):
                if _KEY.fullmatch(version["Key"]):
                    size = version.get("Size", 0)
                    versions_of.setdefault(version["Key"], []).append(
                        (version["VersionId"], int(str(size)), version["LastModified"])
                    )
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
        for key, versions in versions_of.items()
    ]


async def _named(clients: Clients, site: Site, deployment: Deployment, buckets: frozenset[str]) -> set[str]:
    """Return every key that is referred to in a site."""
    stacks = await SiteView(clients, site).every_stack()
    if errors := [_unsettled(stack) for stack in stacks if _hides(stack, deployment.name, buckets)]:
        raise gathered(errors)
    deployed = [stack for stack in stacks if stack.facts.exists]
    templates = await together(observe_template(clients, stack) for stack in deployed)
    reviewed = await together(_reviewed(clients, stack) for stack in stacks)
    sets = await _of_sets(clients, site)
    return {key for template in (*templates, *reviewed, sets) for key in _keys(template)}


def _hides(stack: ObservedStack, deployment: str, buckets: frozenset[str]) -> bool:
    """Return whether a stack may be rolled back to a template that AWS hides and that may refer to an object."""
    takes = stack.tags.get(TAG_DEPLOYMENT) == deployment or not buckets.isdisjoint(stack.parameters.values())
    return takes and stack.facts.operation in {Operation.WAIT, Operation.RECOVER, Operation.REFUSE}


def _unsettled(stack: ObservedStack) -> Stopped:
    return Stopped(
        where=f"{stack.region}/{stack.name}",
        what=f"is in {stack.status}: what it may be rolled back to is shown to nobody, so nothing is deleted",
        next_step="the same again once it has settled",
    )


async def _reviewed(clients: Clients, stack: ObservedStack) -> list[object]:
    """Return the templates of a stack's change sets, executed ones too."""
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
    return [*await together(template(Arn(summary["ChangeSetId"])) for summary in waiting)]


async def _of_sets(clients: Clients, site: Site) -> list[object]:
    client, where = clients.of(site).cloudformation(site.region), f"{site.region}: StackSets"
    names = [
        summary["StackSetName"]
        async for page in pages(where, client.list_stack_sets, Status="ACTIVE")
        for summary in page["Summaries"]
    ]
    shown = await together(call(where, client.describe_stack_set, StackSetName=name) for name in names)
    return [answer["StackSet"].get("TemplateBody", "") for answer in shown]


async def _closed(clients: Clients, objects: Mapping[ObjectPlace, _Object], named: set[str]) -> set[str]:
    """Return the named keys with the keys that nested templates refer to, transitively."""
    read: set[str] = set()
    while unread := {key for key in named if key.endswith(".yaml")} - read:
        read |= unread
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


def _keys(template: object) -> set[str]:
    return set(_KEY.findall(template if isinstance(template, str) else json.dumps(template, default=str)))
