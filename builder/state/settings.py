"""What regions should have in common, read from AWS: functions with their code, tables, buckets and quotas.

First the settings of each. Then the comparison of functions' code, `compare_code`: an archive that was packed a minute
later has another CodeSha256 and the same code in it. So where regions differ in that, the files in their archives are
compared, by name, mode and bytes.
Source: https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
"""

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError

from builder.aws import Clients, call, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.live.bucket import read_setting
from builder.deploy.observe.nested import list_contents
from builder.deploy.observe.stacks import ObservedStack, observe_template
from builder.errors import Failed
from builder.resource_types import BUCKET, FUNCTION
from builder.state.observe import PartialAnswers, copied_tables
from builder.state.records import Settings
from builder.template import as_shown
from builder.terms import Region, Site

ReadSettings = Callable[[Clients, Region, str], Coroutine[Any, Any, dict[str, str]]]


async def observe_settings(
    deployment: Deployment,
    sites: tuple[Site, ...],
    stacks: tuple[ObservedStack, ...],
    clients: Clients,
    part: PartialAnswers,
) -> tuple[Settings, ...]:
    """Return the settings of all that several regions have: resources match if their stacks have the same name.

    A global table has one name everywhere; it is read in each of `sites` that has a replica by the assembly.
    What cannot be read becomes a line of the part, and is not compared.
    """
    existing = tuple(stack for stack in stacks if stack.may_hold)
    work: list[Coroutine[Any, Any, list[Settings]]] = [
        *_templates(deployment, existing, clients),
        *(_of_stack(stack, _outputs(stack, existing), clients) for stack in existing),
        *(_replicas(deployment, site, clients) for site in sites),
        *(_quotas(site, clients) for site in sites),
    ]
    read = await part.each((deployment.name, step) for step in work)
    return await compare_code((entry for entries in read for entry in entries), clients, part)


def _templates(
    deployment: Deployment, existing: tuple[ObservedStack, ...], clients: Clients
) -> Iterator[Coroutine[Any, Any, list[Settings]]]:
    """Yield the reads of every template that the assembly has with the same bytes for several regions."""
    digests = {(stack.site, stack.name): stack.sha256 for stack in deployment.stacks}
    shared = Counter(digests.values())

    async def read(stack: ObservedStack) -> list[Settings]:
        shown = as_shown(await observe_template(clients, stack))
        values = {"template": hashlib.sha256(shown.encode()).hexdigest()}
        return [Settings(thing=stack.name, region=stack.region, values=values)]

    for stack in existing:
        if shared[digests.get((stack.site, stack.name), "")] > 1:
            yield read(stack)


def _outputs(stack: ObservedStack, existing: tuple[ObservedStack, ...]) -> dict[str, str]:
    """Return the outputs of all stacks in this stack's site: its parameters may take their values."""
    beside = (other for other in existing if other.site == stack.site)
    return {f"{other.name}.{name}": value for other in beside for name, value in other.outputs.items()}


async def _of_stack(stack: ObservedStack, outputs: Mapping[str, str], clients: Clients) -> list[Settings]:
    contents = await list_contents(clients, stack)
    ids = {**{f"{stack.name}/{resource.path}": resource.physical_id for resource in contents}, **outputs}
    resources = [resource for resource in contents if resource.type in _READERS]
    read = await together(
        _READERS[resource.type](clients.of(stack.site), stack.region, resource.physical_id) for resource in resources
    )
    words = {**stack.parameters, "AWS::Region": stack.region}
    return [
        Settings(
            thing=f"{stack.name}/{resource.path}",
            region=stack.region,
            values=values,
            own_words=words,
            ids=ids,
            code_of=(stack.site, resource.physical_id) if values.get("package") == "Zip" else None,
        )
        for resource, values in zip(resources, read, strict=True)
    ]


async def _replicas(deployment: Deployment, site: Site, clients: Clients) -> list[Settings]:
    names = copied_tables(deployment, site.region)
    read = await together(_read_table(clients.of(site), site.region, name) for name in names)
    return [Settings(thing=name, region=site.region, values=values) for name, values in zip(names, read, strict=True)]


async def _quotas(site: Site, clients: Clients) -> list[Settings]:
    client = clients.of(site).functions(site.region)
    limits = (await call(f"{site.region}: Lambda", client.get_account_settings))["AccountLimit"]
    values = {"ConcurrentExecutions": str(limits.get("ConcurrentExecutions"))}
    return [Settings(thing="quota of Lambda", region=site.region, values=values)]


async def _read_function(clients: Clients, region: Region, name: str) -> dict[str, str]:
    client, where = clients.functions(region), f"{region}: {name}"
    answer = await call(where, client.get_function_configuration, FunctionName=name)
    urls = await call(where, client.list_function_url_configs, FunctionName=name)
    variables = answer.get("Environment", {}).get("Variables", {})
    return {
        "code": answer.get("CodeSha256", ""),
        "package": answer.get("PackageType", "Zip"),
        "runtime": answer.get("Runtime", ""),
        "handler": answer.get("Handler", ""),
        "memory": f"{answer.get('MemorySize')} MB",
        "timeout": f"{answer.get('Timeout')} s",
        "architectures": ", ".join(answer.get("Architectures", [])),
        "URL auth": ", ".join(sorted(config["AuthType"] for config in urls["FunctionUrlConfigs"])),
        **{f"environment {key}": value for key, value in variables.items()},
    }


async def _read_table(clients: Clients, region: Region, name: str) -> dict[str, str]:
    client, where = clients.dynamodb(region), f"{region}: {name}"
    described = (await call(where, client.describe_table, TableName=name))["Table"]
    backups = await call(where, client.describe_continuous_backups, TableName=name)
    expiry = await call(where, client.describe_time_to_live, TableName=name)
    tags = await call(where, client.list_tags_of_resource, ResourceArn=described["TableArn"])
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return {
        "point-in-time recovery": _recovery(recovery),
        "time to live": expiry["TimeToLiveDescription"].get("TimeToLiveStatus", "DISABLED"),
        "expires by": expiry["TimeToLiveDescription"].get("AttributeName", ""),
        "deletion protection": str(described.get("DeletionProtectionEnabled", False)),
        "table class": described.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
        "indexes": ", ".join(sorted(index["IndexName"] for index in described.get("GlobalSecondaryIndexes", []))),
        # Only the replica in its stack's region has CloudFormation's own tags.
        "tags": _text(
            {tag["Key"]: tag["Value"] for tag in tags["Tags"] if not tag["Key"].startswith(("aws:", "builder:"))}
        ),
    }


def _recovery(recovery: Mapping[str, Any]) -> str:
    """Return whether a replica can be restored, and how many days back if DynamoDB shows that."""
    status, days = recovery.get("PointInTimeRecoveryStatus", "DISABLED"), recovery.get("RecoveryPeriodInDays")
    return f"{status}, {days} days" if days else str(status)


async def _read_bucket(clients: Clients, region: Region, name: str) -> dict[str, str]:
    client, where = clients.s3(region), f"{region}: {name}"
    versioning = await call(where, client.get_bucket_versioning, Bucket=name)
    return {
        "versioning": versioning.get("Status", "Off"),
        "encryption": await _bucket_setting(where, client.get_bucket_encryption, name),
        "public access": await _bucket_setting(where, client.get_public_access_block, name),
        "ownership": await _bucket_setting(where, client.get_bucket_ownership_controls, name),
        "lifecycle": await _bucket_setting(where, client.get_bucket_lifecycle_configuration, name),
    }


async def _bucket_setting(where: str, operation: Callable[..., Mapping[str, Any]], name: str) -> str:
    """Return a bucket's setting as text; empty where it has none."""
    value = await read_setting(where, operation, name)
    return _text(value) if value else ""


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


_READERS: dict[str, ReadSettings] = {FUNCTION: _read_function, BUCKET: _read_bucket}
"""The readers of resources that match by stack name and logical id, or path below nested stacks; a table's by its
name."""
# The most that Lambda takes, unpacked; an archive is never larger than its contents, except for some headers.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_BYTES = 262_144_000
MOST_FILES = 200_000
_CHUNK = 1 << 20
_PATIENCE = Timeout(connect=4.5, read=30)
# The most differing files that are named.
_NAMED = 20
_UNIX = 3
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class ArchiveContents:
    """An archive's contents: by name, each file's mode and digest in one text."""

    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """One text for all the contents."""
        text = "\n".join(f"{name}\0{fingerprint}" for name, fingerprint in sorted(self.files.items()))
        return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGITS]


async def compare_code(settings: Iterable[Settings], clients: Clients, part: PartialAnswers) -> tuple[Settings, ...]:
    """Return the settings; where functions' archives differ, with the archives' contents instead of their digests.

    No archive is fetched where the digests are the same. Code that cannot be read becomes a line of the part, and is
    not compared.
    """
    compared = list(settings)
    things: dict[str, list[int]] = {}
    for place, side in enumerate(compared):
        if side.code_of is not None:
            things.setdefault(side.thing, []).append(place)
    for places in things.values():
        sides = [compared[place] for place in places]
        if len({side.values["code"] for side in sides}) > 1:
            for place, side in zip(places, await _looked_into(sides, clients, part), strict=True):
                compared[place] = side
    return tuple(compared)


async def _looked_into(sides: list[Settings], clients: Clients, part: PartialAnswers) -> list[Settings]:
    first = {side.values["code"]: side for side in reversed(sides)}
    read: dict[str, ArchiveContents | None] = {}
    for sha256, side in first.items():  # one after the other: an archive may be large
        read[sha256] = await part.ask(f"{side.region}: {side.thing}", observe_archive(side, clients))
    contents = {sha256: what for sha256, what in read.items() if what is not None}
    if len(contents) < len(read):
        return [_with_code(side, {}) for side in sides]
    names = dict.fromkeys(name for what in contents.values() for name in sorted(what.files))
    differing = [name for name in names if len({what.files.get(name) for what in contents.values()}) > 1]
    return [_with_code(side, _code_values(contents[side.values["code"]], differing[:_NAMED])) for side in sides]


def _with_code(settings: Settings, code: Mapping[str, str]) -> Settings:
    return replace(
        settings, values={**{name: value for name, value in settings.values.items() if name != "code"}, **code}
    )


def _code_values(what: ArchiveContents, differing: Iterable[str]) -> dict[str, str]:
    own = {f"code: {name}": what.files[name] for name in differing if name in what.files}
    return {"code": f"{len(what.files)} files, {what.digest}", **own}


async def observe_archive(settings: Settings, clients: Clients) -> ArchiveContents:
    """Return the contents of the archive with the function's code. Raises Failed where it can't be fetched or read.

    Lambda answers with a signed address: anyone who has it reads the code. So no file and no error has it.
    """
    assert settings.code_of is not None, "settings of no function"  # noqa: S101 - asked by the caller
    site, name = settings.code_of
    where = f"{settings.region}: {name}"
    client = clients.of(site).functions(Region(settings.region))
    location = (await call(where, client.get_function, FunctionName=name))["Code"].get("Location", "")
    return await call(where, partial(_fetch, where, location))


def _fetch(where: str, location: str) -> ArchiveContents:
    if not location.startswith(("https://", "http://")):
        raise _unread(where, "Lambda says no address of it")
    with TemporaryFile() as archive, PoolManager() as pool:
        try:
            with pool.request(
                "GET", location, preload_content=False, timeout=_PATIENCE, retries=Retry(2, redirect=0)
            ) as answer:
                if answer.status != 200:
                    raise _unread(where, f"HTTP {answer.status}")
                for chunk in answer.stream(_CHUNK):
                    archive.write(chunk)
                    if archive.tell() > MOST_BYTES:
                        raise _unread(where, f"it has more than {MOST_BYTES:,} bytes")
        except (HTTPError, OSError, ValueError) as error:
            # The error's text has the address.
            raise _unread(where, type(error).__name__) from None
        return read_archive(archive, where)


def read_archive(archive: IO[bytes], where: str) -> ArchiveContents:
    """Return an archive's contents. Raises Failed if it is no archive, or larger than Lambda takes."""
    files: dict[str, str] = {}
    left = MOST_BYTES
    try:
        with ZipFile(archive) as opened:
            entries = opened.infolist()
            if len(entries) > MOST_FILES:
                raise _unread(where, f"it has more than {MOST_FILES:,} files")
            for entry in entries:
                if entry.is_dir():
                    continue
                digest = hashlib.sha256()
                with opened.open(entry) as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
                        left -= len(chunk)
                        if left < 0:
                            raise _unread(where, f"it has more than {MOST_BYTES:,} bytes, unpacked")
                mode = entry.external_attr >> 16 if entry.create_system == _UNIX else 0
                files[entry.filename] = f"{mode:o} {digest.hexdigest()[:_DIGITS]}"
    except (BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, NotImplementedError) as error:
        raise _unread(where, f"it is no archive that can be read ({type(error).__name__})") from error
    return ArchiveContents(files)


def _unread(where: str, why: str) -> Failed:
    return Failed(where=where, what=f"its code was not looked into: {why}")
