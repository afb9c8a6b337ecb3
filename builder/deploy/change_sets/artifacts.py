"""What stacks take from buckets: found there or uploaded once; an object with other bytes is never overwritten.

First the code that a plan has to upload, `find_artifacts`; then templates, which have to be in a bucket when a change
set is created; then the only functions that read and put an object.
"""

import base64
import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.assembly.assets import ACCOUNT, BUCKET_PARAMETER, REGION, Asset, taken_by
from builder.assembly.build import Built, NotBuilt
from builder.assembly.store import Bootstrap
from builder.aws import Clients, call, together
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.progress import Emit, TemplateUploaded
from builder.deploy.records import PLAN_AGAIN, Deferred, Plan, PlanOptions, Step, Upload
from builder.errors import AwsError, BadInput, Failed, Stopped, of_file
from builder.terms import AccountId, Region, Site, StackId

_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_FORBIDDEN = frozenset({"403", "AccessDenied", "Forbidden"})
_THERE_ALREADY = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_SHA256 = "sha256"
"""The key of the hash in an object's metadata, for where S3 shows no checksum."""

_BUCKET_CHARACTERS = 63
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_NO_BUCKET = "artifacts_bucket: NAME-{region}    in dr.yaml names one of your own"


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object is or will be."""

    site: Site
    bucket: str
    key: str
    owner: AccountId
    """The account that the bucket has to belong to: somebody else may own the name by now."""

    @property
    def text(self) -> str:
        """The place as people read it."""
        return f"{self.site.region}: s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class ObservedObject:
    """An object that exists."""

    sha256: str
    """The hash of its bytes; empty where neither a checksum nor its metadata show it."""
    size: int


def assets_needed(deployment: Deployment, desired: DesiredStack) -> tuple[Built | NotBuilt, ...]:
    """Return the assets that a stack takes from its bucket, including those of its nested stacks."""
    assets = taken_by(desired.template.encode(), [build.asset for build in deployment.assets])
    return tuple(
        build
        for build in deployment.assets
        if build.asset in assets and (build.asset.in_sets or desired.region in build.asset.regions)
    )


def sites_of(desired: DesiredStack, asset: Asset) -> tuple[Site, ...]:
    """Return the sites of the buckets from which a stack, or the StackSets in it, take an asset."""
    regions = asset.regions if asset.in_sets else (desired.region,)
    return tuple(Site(desired.account, region) for region in regions)


def is_uploaded_alone(asset: Asset) -> bool:
    """Return whether an asset's upload is a step of the execution; else it precedes the creation of the change set.

    A template that a StackSet nests is read in its accounts, long after the change set of the stack with the set.
    """
    return asset.kind != "template" or asset.in_sets is not None


def upload_id(site: Site, asset: Asset) -> StackId:
    """Return the id of an asset's upload among the ids of stacks."""
    account = f"{site.account}-" if site.account else ""
    # Other tools choose buckets and keys themselves, so the same bytes may have several of them.
    name = hashlib.sha256(f"{asset.bucket}/{asset.key}".encode()).hexdigest() if asset.bucket else asset.id
    return StackId(f"{site.region}/asset-{account}{name[:12]}")


def uploads_needed(deployment: Deployment, desired: DesiredStack) -> tuple[StackId, ...]:
    """Return the uploads that have to precede a stack's execution, done already or not."""
    return tuple(
        upload_id(site, build.asset)
        for build in assets_needed(deployment, desired)
        if is_uploaded_alone(build.asset)
        for site in sites_of(desired, build.asset)
    )


async def find_artifacts(
    deployment: Deployment, account: AccountId, work: Iterable[Step | Deferred], clients: Clients
) -> tuple[Upload, ...]:
    """Return the code that changing stacks take, and whether each file is in its bucket.

    Raises BadInput for a bucket that does not exist and that no stack creates, and for code that is neither in its
    bucket nor could be built here; Stopped where the object has other bytes than its key says.
    """
    stacks = {stack.id: stack for stack in deployment.stacks}
    changing = dict.fromkeys(step.stack for step in work)
    needed = {
        upload_id(site, build.asset): (stacks[name], build, site)
        for name in changing
        if name in stacks
        for build in assets_needed(deployment, stacks[name])
        if is_uploaded_alone(build.asset)
        for site in sites_of(stacks[name], build.asset)
    }
    uploads = [_upload(deployment, account, *args) for args in needed.values()]
    observed = await together(
        _observe_upload(upload, place_of(upload, account), build, clients)
        for upload, (_, build, _) in zip(uploads, needed.values(), strict=True)
    )
    return artifacts_restored(deployment, observed, changing)


def _upload(
    deployment: Deployment, account: AccountId, desired: DesiredStack, build: Built | NotBuilt, site: Site
) -> Upload:
    place = _place(deployment, desired, build.asset, site, account)
    maker = deployment.bucket_makers.get((site, place.bucket))
    if maker == desired.id:
        raise BadInput(
            where=desired.id,
            what=f"takes {build.asset.source} from the bucket {place.bucket}, which it makes itself",
            next_step="artifacts_bucket: NAME-{region}    in dr.yaml names another",
        )
    return Upload(
        stack=upload_id(site, build.asset),
        region=site.region,
        bucket=place.bucket,
        key=place.key,
        source=build.asset.source,
        sha256=build.sha256 if isinstance(build, Built) else "",
        size=_size(build.path) if isinstance(build, Built) else 0,
        needs=(maker,) if maker else (),
        account=desired.account,
    )


async def _observe_upload(upload: Upload, place: ObjectPlace, build: Built | NotBuilt, clients: Clients) -> Upload:
    observed = await observe_object(clients, place)
    if observed is not None:
        # A key of ours says which bytes the object has; a key that another tool gave does not.
        if build.asset.bucket is None:
            check_same(place, observed, upload.sha256)
        sha256 = observed.sha256 or ("" if build.asset.bucket else upload.sha256)
        return replace(upload, there=True, sha256=sha256, size=observed.size, needs=())
    if isinstance(build, NotBuilt):
        raise BadInput(
            where=place.text,
            what=f"stacks take it from there, and it is neither there nor can it be made here: {build.why}",
            next_step="python -m builder build    where the sources are",
        )
    if not upload.needs:
        is_cdk = build.asset.bucket is not None
        await check_bucket(clients, place, _how_to_bootstrap(place.owner, upload.region) if is_cdk else _NO_BUCKET)
    return upload


def uploads_for(deployment: Deployment, stack: StackId, artifacts: Iterable[Upload]) -> tuple[StackId, ...]:
    """Return the uploads that a stack needs and that are not done."""
    waiting = {artifact.stack for artifact in artifacts if not artifact.there}
    desired = next((desired for desired in deployment.stacks if desired.id == stack), None)
    needed = uploads_needed(deployment, desired) if waiting and desired else ()
    return tuple(name for name in needed if name in waiting)


def with_bucket(options: PlanOptions, deployment: Deployment) -> PlanOptions:
    """Return the options; their bucket for large templates is the assembly's unless they name one."""
    return replace(options, artifacts_bucket=options.artifacts_bucket or deployment.artifacts_bucket)


def _place(deployment: Deployment, desired: DesiredStack, asset: Asset, site: Site, account: AccountId) -> ObjectPlace:
    if asset.bucket:
        named = bucket_for(asset.bucket, site, account)
        return ObjectPlace(site, named, asset.key, desired.account or account)
    shared = deployment.artifacts_bucket if asset.in_sets else None
    bucket = bucket_for(shared, site, account) if shared else desired.parameters.get(BUCKET_PARAMETER)
    if not isinstance(bucket, str) or not bucket:
        raise BadInput(
            where=desired.id,
            what=f"takes {asset.source} from a bucket, and its parameter {BUCKET_PARAMETER} is no name that is known",
            next_step="artifacts_bucket: NAME-{region}    in dr.yaml names it",
        )
    if len(bucket) > _BUCKET_CHARACTERS:
        raise BadInput(
            where=desired.id,
            what=f"the bucket '{bucket}' would have {len(bucket)} characters of {_BUCKET_CHARACTERS}",
            next_step=f"a shorter project or environment, or {_NO_BUCKET}",
        )
    return ObjectPlace(site, bucket, asset.key, desired.account or account)


# -- templates ---------------------------------------------------------------------------------------------------------


async def place_templates(
    deployment: Deployment, account: AccountId, desired: DesiredStack, clients: Clients, emit: Emit
) -> None:
    """Put every template that is nested in a stack into its bucket: CloudFormation reads it for the change set.

    Raises BadInput for a template that is neither in its bucket nor could be built here.
    """
    nested = [build for build in assets_needed(deployment, desired) if not is_uploaded_alone(build.asset)]
    places = [_place(deployment, desired, build.asset, desired.site, account) for build in nested]
    await together(
        _place_template(desired, build, place, clients, emit) for build, place in zip(nested, places, strict=True)
    )


async def _place_template(
    desired: DesiredStack, build: Built | NotBuilt, place: ObjectPlace, clients: Clients, emit: Emit
) -> None:
    observed = await observe_object(clients, place)
    if observed is not None:
        if build.asset.bucket is None:
            check_same(place, observed, build.asset.id)
        return
    if isinstance(build, NotBuilt):
        raise BadInput(
            where=place.text,
            what=f"the template is nested in {desired.id}, and neither there nor can it be made here: {build.why}",
            next_step="python -m builder build    where the sources are",
        )
    await put_object(clients, place, read_bytes(build.path, build.asset.id))
    emit(TemplateUploaded(stack=desired.id, source=build.asset.source, bucket=place.bucket, key=place.key))


def bucket_for(bucket: str, site: Site, account: AccountId) -> str:
    """Return the name of the bucket for artifacts in a region of an account."""
    return bucket.replace(REGION, site.region).replace(ACCOUNT, site.account or account)


# -- what CDK expects to exist ---------------------------------------------------------------------------------------


async def check_bootstraps(deployment: Deployment, account: AccountId, clients: Clients) -> None:
    """Raise BadInput, or Several, unless every site of the app's stacks has CDK's bootstrap, and is new enough.

    The error has the command that creates the bootstrap.
    """
    sites = set(deployment.sites)
    await together(
        _check_bootstrap(bootstrap, account, clients) for bootstrap in deployment.bootstraps if bootstrap.site in sites
    )


async def _check_bootstrap(bootstrap: Bootstrap, account: AccountId, clients: Clients) -> None:
    region, owner = bootstrap.site.region, bootstrap.site.account or account
    try:
        answer = await call(
            f"{region}: {bootstrap.parameter}",
            clients.of(bootstrap.site).ssm(region).get_parameter,
            Name=bootstrap.parameter,
        )
        version = answer["Parameter"]["Value"]
    except AwsError as error:
        if error.code != "ParameterNotFound":
            raise
        version = ""
    if version.isdecimal() and int(version) >= bootstrap.version:
        return
    is_lacking = f"is of version {version}" if version else f"is not there: no SSM parameter {bootstrap.parameter}"
    raise BadInput(
        where=f"account {owner}, {region}",
        what=f"CDK's bootstrap {is_lacking}, and the app takes version {bootstrap.version} or later for granted",
        next_step=_how_to_bootstrap(owner, region),
    )


def _how_to_bootstrap(account: AccountId, region: Region) -> str:
    return f"cdk bootstrap aws://{account}/{region}"


# -- objects -----------------------------------------------------------------------------------------------------------


async def observe_object(clients: Clients, place: ObjectPlace) -> ObservedObject | None:
    """Return the object at a place, without its bytes; None where it or its bucket does not exist.

    Raises AwsError also where its existence is hidden: without the right to list a bucket, a missing object is refused.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    client = clients.of(place.site).s3(place.site.region)
    try:
        answer = await call(
            place.text,
            client.head_object,
            Bucket=place.bucket,
            Key=place.key,
            ChecksumMode="ENABLED",
            ExpectedBucketOwner=place.owner,
        )
    except AwsError as error:
        if error.code in _ABSENT:
            return None
        raise _explained(place, error) from error
    checksum = answer.get("ChecksumSHA256", "")
    # The checksum of a multipart object is one of its parts' checksums, and ends with their number.
    digest = "" if "-" in checksum else base64.b64decode(checksum).hex()
    return ObservedObject(digest or answer.get("Metadata", {}).get(_SHA256, ""), answer.get("ContentLength", 0))


async def check_bucket(clients: Clients, place: ObjectPlace, next_step: str) -> None:
    """Raise BadInput unless the bucket exists and belongs to the account."""
    client = clients.of(place.site).s3(place.site.region)
    try:
        await call(place.text, client.head_bucket, Bucket=place.bucket, ExpectedBucketOwner=place.owner)
    except AwsError as error:
        if error.code not in _ABSENT:
            raise _explained(place, error) from error
        raise BadInput(
            where=f"{place.site.region}: s3://{place.bucket}",
            what="the bucket is not there, and no stack of the assembly makes it",
            next_step=next_step,
        ) from error


def _explained(place: ObjectPlace, error: AwsError) -> AwsError:
    if error.code not in _FORBIDDEN:
        return error
    what = (
        f"not allowed to look: the bucket is not of account {place.owner}, or s3:GetObject and s3:ListBucket are not "
        "allowed on it"
    )
    return AwsError(where=place.text, code=error.code, what=what, next_step="python -m builder policy plan execute")


def check_same(place: ObjectPlace, observed: ObservedObject, sha256: str) -> None:
    """Raise Stopped unless an object has the bytes that its key says; it is never overwritten."""
    if sha256 and observed.sha256 != sha256:
        shown = f"the SHA-256 {observed.sha256}" if observed.sha256 else "no SHA-256 that S3 shows"
        raise Stopped(
            where=place.text,
            what=f"an object is there with {shown}, and what belongs there has {sha256}; it is not overwritten",
            next_step=f"aws s3 rm s3://{place.bucket}/{place.key}    if nothing needs it, then the same again",
        )


async def put_object(clients: Clients, place: ObjectPlace, data: bytes) -> None:
    """Put bytes at a place where no object is, or one with the same bytes. Raises Stopped where it has other bytes.

    boto3 repeats a request whose answer was lost, and S3 refuses it since the object exists: then the object is read.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    digest = hashlib.sha256(data)
    client = clients.of(place.site).s3(place.site.region)
    try:
        await call(
            place.text,
            client.put_object,
            Bucket=place.bucket,
            Key=place.key,
            Body=data,
            ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
            Metadata={_SHA256: digest.hexdigest()},
            IfNoneMatch="*",
            ExpectedBucketOwner=place.owner,
        )
    except AwsError as error:
        if error.code not in _THERE_ALREADY:
            raise
        observed = await observe_object(clients, place)
        if observed is None:
            raise
        check_same(place, observed, digest.hexdigest())


def read_bytes(path: Path, sha256: str) -> bytes:
    """Return the bytes of the hash that planning read. Raises Failed where they have changed."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise of_file(error, path, doing="read", next_step="python -m builder build") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Failed(where=str(path), what="is not what was planned with", next_step=PLAN_AGAIN)
    return data


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise of_file(error, path, doing="read", next_step="python -m builder build") from error


# -- execution ---------------------------------------------------------------------------------------------------------


def place_of(upload: Upload, account: AccountId) -> ObjectPlace:
    """Return the place that an upload is put at."""
    return ObjectPlace(upload.site, upload.bucket, upload.key, upload.account or account)


def build_of(deployment: Deployment, upload: Upload) -> Built | None:
    """Return the built asset of a plan's upload; None where it is not built here, or has other bytes."""
    built = (build for build in deployment.assets if isinstance(build, Built))
    return next((build for build in built if (build.asset.key, build.sha256) == (upload.key, upload.sha256)), None)


def artifacts_restored(
    deployment: Deployment, artifacts: Iterable[Upload], changing: Collection[StackId]
) -> tuple[Upload, ...]:
    """Return a plan's artifacts. An upload needs the stack that creates its bucket, if that stack changes."""
    makers = deployment.bucket_makers

    def needs(artifact: Upload) -> tuple[StackId, ...]:
        maker = makers.get((artifact.site, artifact.bucket))
        return (maker,) if maker is not None and maker in changing and not artifact.there else ()

    return tuple(replace(artifact, needs=needs(artifact)) for artifact in artifacts)


async def check_artifacts(plan: Plan, deployment: Deployment, left: Collection[StackId], clients: Clients) -> None:
    """Raise Stopped unless the remaining uploads are built here, and the objects found by planning are still the same.

    `left` are the stacks and uploads that are not done yet.
    """
    for upload in plan.uploads:
        if upload.stack in left and build_of(deployment, upload) is None:
            raise Stopped(
                where=upload.stack,
                what=f"{upload.source} as it was planned with is neither at {place_of(upload, plan.account).text} "
                "nor at hand",
                next_step="python -m builder build    makes it where the sources are as they were",
            )
    needed = {name for stack in deployment.stacks if stack.id in left for name in uploads_needed(deployment, stack)}
    there = [artifact for artifact in plan.artifacts if artifact.there and artifact.stack in needed]
    await together(_check_still_there(place_of(artifact, plan.account), artifact, clients) for artifact in there)


async def _check_still_there(place: ObjectPlace, artifact: Upload, clients: Clients) -> None:
    observed = await observe_object(clients, place)
    if observed is None:
        what = f"{artifact.source} was in its bucket when this was planned, and is gone"
        raise Stopped(where=place.text, what=what, next_step=PLAN_AGAIN)
    check_same(place, observed, artifact.sha256)


async def put_upload(deployment: Deployment, upload: Upload, account: AccountId, clients: Clients) -> None:
    """Put the code of an upload into its bucket. Raises Failed where it is not built here with the planned bytes."""
    place, build = place_of(upload, account), build_of(deployment, upload)
    if build is None:
        raise Failed(where=place.text, what=f"{upload.source} is not at hand any more", next_step=PLAN_AGAIN)
    await put_object(clients, place, read_bytes(build.path, upload.sha256))


def faults_of_artifacts(
    deployment: Deployment, account: AccountId, artifacts: Sequence[Upload], changing: Iterable[StackId]
) -> Iterable[str]:
    """Yield each fault of a plan's artifacts: what does not follow from the assembly."""
    planned = {artifact.stack: artifact for artifact in artifacts}
    if len(planned) < len(artifacts):
        yield "an artifact is in the plan twice"
    stacks = {stack.id: stack for stack in deployment.stacks}
    expected: dict[StackId, ObjectPlace] = {}
    for name in changing:
        for build in assets_needed(deployment, stacks[name]) if name in stacks else ():
            for site in sites_of(stacks[name], build.asset) if is_uploaded_alone(build.asset) else ():
                place = _place(deployment, stacks[name], build.asset, site, account)
                expected[upload_id(site, build.asset)] = place
    for name, place in expected.items():
        if name not in planned:
            yield f"{name} is taken by a stack that changes, and the plan does not say whether it is there"
        elif place_of(planned[name], account) != place:
            yield f"{name} is not {place.text}"
    yield from (f"{name} is taken by no stack that changes" for name in planned if name not in expected)
