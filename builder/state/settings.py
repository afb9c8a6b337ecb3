"""What should be equal in all regions, read: templates, functions, replicas, buckets, quotas."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from builder.aws import Clients, call, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.nested import list_contents
from builder.deploy.observe.stacks import ObservedStack, observe_template
from builder.errors import AwsError
from builder.state import observe
from builder.state.code import compare_code
from builder.state.observe import PartialAnswers
from builder.state.records import Settings
from builder.state.site import copied_tables
from builder.template import as_shown
from builder.terms import Region, Site

ReadSettings = Callable[[Clients, Region, str], Coroutine[Any, Any, dict[str, str]]]
# What a bucket answers that lacks a setting.
_UNSET = frozenset(
    {
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


async def observe_settings(
    deployment: Deployment,
    sites: tuple[Site, ...],
    stacks: tuple[ObservedStack, ...],
    clients: Clients,
    part: PartialAnswers,
) -> tuple[Settings, ...]:
    """Return the settings of all that several regions have: a thing is the same one where its stack's name is.

    What replicates a table has one name everywhere; it is asked for in each of `sites` that has a copy by the assembly.
    What can't be read is noted in the part, and is not compared.
    """
    standing = tuple(stack for stack in stacks if stack.may_hold)
    work: list[Coroutine[Any, Any, list[Settings]]] = [
        *_templates(deployment, standing, clients),
        *(_of_stack(stack, clients) for stack in standing),
        *(_replicas(deployment, site, clients) for site in sites),
        *(_quotas(site, clients) for site in sites),
    ]
    read = await part.each((deployment.name, step) for step in work)
    return await compare_code((entry for found in read for entry in found), clients, part)


def _templates(
    deployment: Deployment, standing: tuple[ObservedStack, ...], clients: Clients
) -> Iterator[Coroutine[Any, Any, list[Settings]]]:
    """Yield the reading of every template that the assembly has with the same bytes for several regions."""
    wanted = {(stack.site, stack.name): stack.sha256 for stack in deployment.stacks}
    shared = Counter(wanted.values())

    async def read(stack: ObservedStack) -> list[Settings]:
        shown = as_shown(await observe_template(clients, stack))
        values = {"template": hashlib.sha256(shown.encode()).hexdigest()}
        return [Settings(thing=stack.name, region=stack.region, values=values)]

    for stack in standing:
        if shared[wanted.get((stack.site, stack.name), "")] > 1:
            yield read(stack)


async def _of_stack(stack: ObservedStack, clients: Clients) -> list[Settings]:
    resources = [resource for resource in await list_contents(clients, stack) if resource.type in _READERS]
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
    found = await call(where, client.get_function_configuration, FunctionName=name)
    urls = await call(where, client.list_function_url_configs, FunctionName=name)
    variables = found.get("Environment", {}).get("Variables", {})
    return {
        "code": found.get("CodeSha256", ""),
        "package": found.get("PackageType", "Zip"),
        "runtime": found.get("Runtime", ""),
        "handler": found.get("Handler", ""),
        "memory": f"{found.get('MemorySize')} MB",
        "timeout": f"{found.get('Timeout')} s",
        "architectures": ", ".join(found.get("Architectures", [])),
        "URL auth": ", ".join(sorted(config["AuthType"] for config in urls["FunctionUrlConfigs"])),
        **{f"environment {key}": value for key, value in variables.items()},
    }


async def _read_table(clients: Clients, region: Region, name: str) -> dict[str, str]:
    client, where = clients.dynamodb(region), f"{region}: {name}"
    found = (await call(where, client.describe_table, TableName=name))["Table"]
    backups = await call(where, client.describe_continuous_backups, TableName=name)
    expiry = await call(where, client.describe_time_to_live, TableName=name)
    tags = await call(where, client.list_tags_of_resource, ResourceArn=found["TableArn"])
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return {
        "point-in-time recovery": recovery.get("PointInTimeRecoveryStatus", "DISABLED"),
        "time to live": expiry["TimeToLiveDescription"].get("TimeToLiveStatus", "DISABLED"),
        "deletion protection": str(found.get("DeletionProtectionEnabled", False)),
        "table class": found.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
        "indexes": ", ".join(sorted(index["IndexName"] for index in found.get("GlobalSecondaryIndexes", []))),
        # CloudFormation's own tags are on the replica of its stack's region alone.
        "tags": _text({tag["Key"]: tag["Value"] for tag in tags["Tags"] if _is_peoples(tag["Key"])}),
    }


def _is_peoples(tag: str) -> bool:
    return not tag.startswith(("aws:", "builder:"))


async def _read_bucket(clients: Clients, region: Region, name: str) -> dict[str, str]:
    client, where = clients.s3(region), f"{region}: {name}"
    versioning = await call(where, client.get_bucket_versioning, Bucket=name)
    return {
        "versioning": versioning.get("Status", "Off"),
        "encryption": await _setting(where, client.get_bucket_encryption, name),
        "public access": await _setting(where, client.get_public_access_block, name),
        "ownership": await _setting(where, client.get_bucket_ownership_controls, name),
        "lifecycle": await _setting(where, client.get_bucket_lifecycle_configuration, name),
    }


async def _setting(where: str, operation: Callable[..., Mapping[str, Any]], name: str) -> str:
    """Return a bucket's setting as text; empty where it has none."""
    try:
        answer = await call(where, operation, Bucket=name)
    except AwsError as error:
        if error.code in _UNSET:
            return ""
        raise
    return _text({key: value for key, value in answer.items() if key != "ResponseMetadata"})


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


_READERS: dict[str, ReadSettings] = {observe.FUNCTION: _read_function, observe.BUCKET: _read_bucket}
"""What is paired by stack name and logical id, or path below nested stacks; a table's replicas by its name."""
