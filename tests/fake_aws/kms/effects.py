"""What AWS::KMS::Key, ReplicaKey and Alias do to KMS as their stacks create, update and delete them.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html,
https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-delete.html and
https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World

_FIXED = {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "MultiRegion": "false", "Origin": "AWS_KMS"}

AWS_MANAGED = "aws-managed-dynamodb"
"""The id of DynamoDB's own key in every account and region, which goes by `alias/aws/dynamodb`."""


@dataclass(slots=True)
class Key:
    """A key in one region."""

    id: str
    account: str
    region: str
    fixed: dict[str, str] = field(default_factory=dict)
    primary: str | None = None
    """The region of the key that it replicates; None of one that is none."""
    gone_at: datetime | None = None
    """When it is gone, once its deletion is scheduled."""
    window: timedelta = timedelta(days=30)
    waits: bool = False
    """Whether its deletion waits for its last replica: PendingReplicaDeletion."""


def state(world: "World", key: Key) -> str:
    """Return a key's state as KMS names it; `Gone` once its waiting period is over."""
    if key.waits and not _replicas(world, key):
        last = max((each.gone_at for each in _ever_replicas(world, key) if each.gone_at), default=world.datetime())
        key.waits, key.gone_at = False, last + key.window
    if key.waits:
        return "PendingReplicaDeletion"
    if key.gone_at is None:
        return "Enabled"
    return "Gone" if world.datetime() >= key.gone_at else "PendingDeletion"


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Make a key."""
    name = resource.physical_id or ""
    world.keys[place.account, place.region, name] = Key(
        name, place.account, place.region, _fixed(resource.properties), window=_window(resource)
    )


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Change a key, but none of what it is for good."""
    key = world.keys[place.account, place.region, resource.physical_id or ""]
    fixed = _fixed(resource.properties)
    for name, value in key.fixed.items():
        if fixed[name] != value:
            raise _refused(f"You cannot change the {name} of a KMS key after the key is created", "NotUpdatable")
    key.window = _window(resource)


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Schedule a key's deletion; that of one with replicas waits for the last of them."""
    key = world.keys.get((place.account, place.region, resource.physical_id or ""))
    if key is not None and state(world, key) == "Enabled":
        schedule_deletion(world, key)


def schedule_deletion(world: "World", key: Key) -> None:
    """Have a key wait for its deletion, or first for that of its replicas."""
    if key.primary is None and _replicas(world, key):
        key.waits = True
    else:
        key.gone_at = world.datetime() + key.window


def replicate(world: "World", place: "Place", resource: "Resource") -> None:
    """Make a replica of a key in another region."""
    _, _, _, home, account, named = str(resource.properties["PrimaryKeyArn"]).split(":")
    name = named.removeprefix("key/")
    primary = world.keys.get((account, home, name))
    if primary is None or state(world, primary) != "Enabled":
        raise _refused(f"Key 'arn:aws:kms:{home}:{account}:{named}' does not exist", "NotFound")
    if primary.fixed["MultiRegion"] != "true" or home == place.region:
        raise _refused(f"{named} is not a multi-Region primary key of another Region", "InvalidRequest")
    existing = world.keys.get((place.account, place.region, name))
    if existing is not None and state(world, existing) != "Gone":
        text = f"Replica key {name} already exists in {place.region}. (Service: Kms, Status Code: 400)"
        raise _refused(text, "AlreadyExists")
    world.keys[place.account, place.region, name] = Key(
        name, place.account, place.region, dict(primary.fixed), home, window=_window(resource)
    )


def name_key(world: "World", place: "Place", resource: "Resource") -> None:
    """Give a key of the region an alias."""
    key = find(world, place, str(resource.properties["TargetKeyId"]))
    if key is not None:
        world.aliases[place.account, place.region, str(resource.properties["AliasName"])] = key.id


def forget_alias(world: "World", place: "Place", resource: "Resource") -> None:
    """Take an alias from its key."""
    world.aliases.pop((place.account, place.region, str(resource.physical_id)), None)


def name_other_key(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Have an alias name another key."""
    name_key(world, place, resource)


def find(world: "World", place: "Place", named: str) -> Key | None:
    """Return the key that an id or ARN names in a region, None for an alias that somebody has there.

    Raises AwsRefusal where there is none, or it is on its way out.
    """
    if named.startswith("arn:") and named.split(":")[3] != place.region:
        raise _refused(f"Invalid arn {named.split(':')[3]}", "InvalidRequest")
    name = named.rpartition(":")[2].removeprefix("key/")
    if name.startswith("alias/"):
        if ("AWS::KMS::Alias", place.account, place.region, name) not in world.names:
            raise _refused(f"Alias {place.arn('kms', name)} is not found.", "NotFound")
        return None
    key = world.keys.get((place.account, place.region, name))
    if key is None or state(world, key) != "Enabled":
        raise _refused(f"Key '{place.arn('kms', f'key/{name}')}' does not exist", "NotFound")
    return key


def arn_of(world: "World", account: str, region: str, named: str) -> str:
    """Return the ARN of what an id, ARN or alias names; of an alias that names nothing its own."""
    name = named.rpartition(":")[2].removeprefix("key/")
    if name == "alias/aws/dynamodb":
        name = AWS_MANAGED
    if name.startswith("alias/"):
        name = world.aliases.get((account, region, name), name)
    rest = name if name.startswith("alias/") else f"key/{name}"
    return f"arn:aws:kms:{region}:{account}:{rest}"


def check_log_group(world: "World", place: "Place", resource: "Resource") -> None:
    """Refuse a log group under a key that is not there."""
    if key := resource.properties.get("KmsKeyId"):
        find(world, place, key)


def check_other_log_group(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Refuse the same of one that changes."""
    check_log_group(world, place, resource)


def _fixed(properties: dict[str, Any]) -> dict[str, str]:
    values = {name: properties.get(name, default) for name, default in _FIXED.items()}
    return {name: value if isinstance(value, str) else str(value).lower() for name, value in values.items()}


def _window(resource: "Resource") -> timedelta:
    return timedelta(days=int(resource.properties.get("PendingWindowInDays", 30)))


def _ever_replicas(world: "World", key: Key) -> list[Key]:
    return [each for each in world.keys.values() if each.id == key.id and each.primary == key.region]


def _replicas(world: "World", key: Key) -> list[Key]:
    return [each for each in _ever_replicas(world, key) if state(world, each) != "Gone"]


def _refused(text: str, code: str) -> AwsRefusal:
    message = f'Resource handler returned message: "{text}" (RequestToken: fake, HandlerErrorCode: {code})'
    return AwsRefusal(code, message)
