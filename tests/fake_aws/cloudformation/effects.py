"""What resources leave behind in other services, and the names they take there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fake_aws import cloudwatch, sns, ssm
from fake_aws.cloudformation.records import Resource
from fake_aws.cloudformation.types import Place, known, physical_id
from fake_aws.dynamodb import effects as dynamodb
from fake_aws.dynamodb import local_table
from fake_aws.functions import effects as functions
from fake_aws.kms import effects as kms
from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.s3 import effects as s3

if TYPE_CHECKING:
    from fake_aws.world import World

Make = Callable[["World", Place, Resource], None]
Change = Callable[["World", Place, Resource, dict[str, Any]], None]
Making = Callable[["World", Place, Resource], Iterator[float]]
Changing = Callable[["World", Place, Resource, dict[str, Any]], Iterator[float]]


def _nothing(_: "World", __: Place, ___: Resource) -> None:
    """Leave nothing behind."""


def _no_change(_: "World", __: Place, ___: Resource, ____: dict[str, Any]) -> None:
    """Change nothing elsewhere."""


def _no_time(_: "World", __: Place, ___: Resource) -> Iterator[float]:
    """Take no time of the service's own."""
    return iter(())


def _no_time_to_change(_: "World", __: Place, ___: Resource, ____: dict[str, Any]) -> Iterator[float]:
    """Take no time of the service's own."""
    return iter(())


def _never(_: "World", __: Place, ___: Resource) -> bool:
    """Leave an update to what the properties say."""
    return False


def _always(_: "World", __: Place, ___: str) -> bool:
    """Let early validation find whatever stands."""
    return True


def _never_taken(_: "World", __: Place, ___: str) -> bool:
    """Leave it to the creation to refuse another."""
    return False


def _as_they_are(_: Place, __: dict[str, Any], live: dict[str, Any]) -> dict[str, Any]:
    """Take what stands as it is written."""
    return live


@dataclass(frozen=True, slots=True)
class Effects:
    """What creating, updating (given the properties before) and deleting a resource does elsewhere; may be refused.

    `settle` is when the service has done what it took on: the end of a resource's creation or update. Where that takes
    as long as the service needs, `creating` and `updating` (given what the resource was, or was becoming) follow the
    request, and `deleting` goes before it; they yield waits, and may be refused.
    """

    create: Make = _nothing
    update: Change = _no_change
    delete: Make = _nothing
    settle: Make = _nothing
    creating: Making = _no_time
    updating: Changing = _no_time_to_change
    deleting: Making = _no_time
    differs: Callable[["World", Place, Resource], bool] = _never
    """Whether an update has something to do though no property changes: nested stacks."""
    cancel: Make = _nothing
    """What happens to it when its creation or update is cancelled while under way."""
    finishing: Making = _no_time
    """What is left to do once all of its stack has been updated, or rolled back."""
    attributes: Callable[["World", Resource], dict[str, str]] | None = None
    """What GetAtt gives, where the service has to be asked."""
    live: Callable[["World", Place, str], dict[str, Any] | None] | None = None
    """The properties of what stands at a place under a name, in a stack or not, where the service knows them."""
    is_taken: Callable[["World", Place, str], bool] | None = None
    """Whether a name is taken, where that is another question than what stands at a place."""
    found_early: Callable[["World", Place, str], bool] = _always
    """Whether early validation finds what stands at a place under a name."""
    aligned: Callable[[Place, dict[str, Any], dict[str, Any]], dict[str, Any]] = _as_they_are
    """Properties that stand, in the words of a template's where both mean the same."""
    check_import: Make = _nothing
    """What an import refuses, given the template's properties."""


NO_EFFECTS = Effects()
EFFECTS: dict[str, Effects] = {
    "AWS::CloudWatch::Alarm": Effects(cloudwatch.create, cloudwatch.update, cloudwatch.delete),
    "AWS::SSM::Parameter": Effects(ssm.create, ssm.update, ssm.delete, live=ssm.live),
    "AWS::SNS::Subscription": Effects(sns.create, delete=sns.delete),
    "AWS::Lambda::Function": Effects(functions.create, functions.update, functions.delete, functions.settle),
    "AWS::KMS::Alias": Effects(kms.name_key, kms.name_other_key, kms.forget_alias),
    "AWS::KMS::Key": Effects(kms.create, kms.update, kms.delete),
    "AWS::KMS::ReplicaKey": Effects(kms.replicate, delete=kms.delete),
    "AWS::Logs::LogGroup": Effects(kms.check_log_group, kms.check_other_log_group),
    "AWS::S3::Bucket": Effects(s3.create, s3.update, s3.delete, live=s3.live, is_taken=s3.is_taken, aligned=s3.aligned),
    "AWS::S3::BucketPolicy": Effects(
        s3.create_policy, s3.update_policy, s3.delete_policy, live=s3.live_policy, is_taken=_never_taken
    ),
    "AWS::DynamoDB::Table": Effects(
        local_table.create,
        local_table.update,
        local_table.delete,
        live=local_table.live,
        aligned=local_table.aligned,
    ),
    "AWS::DynamoDB::GlobalTable": Effects(
        dynamodb.create,
        dynamodb.update,
        dynamodb.delete,
        dynamodb.settle,
        live=dynamodb.live,
        found_early=dynamodb.found_early,
        aligned=dynamodb.aligned,
        check_import=dynamodb.check_import,
    ),
}
"""But those of StackSets and nested stacks, which make stacks again: the world has them all."""


def effects_of(world: "World", type_name: str) -> Effects:
    """Return what a type's resources do elsewhere."""
    return world.effects.get(type_name, NO_EFFECTS)


def name_key(place: Place, type_name: str, name: str) -> tuple[str, ...] | None:
    """Return the space in which a name must be unique, with the name; None where AWS makes ids."""
    about = known(type_name)
    kind = about.named_like or type_name
    match about.unique_in:
        case "world":
            return (kind, name)
        case "account":
            return (kind, place.account, name)
        case "region":
            return (kind, place.account, place.region, name)
    return None


def live_properties(world: "World", place: Place, type_name: str, name: str) -> dict[str, Any] | None:
    """Return the properties of the resource at a place under a name, in a stack or not; None where there is none.

    Those of what a stack has are empty where only the stack knows them.
    """
    live = effects_of(world, type_name).live
    if live is not None:
        return live(world, place, name)
    key = name_key(place, type_name, name)
    return world.unmanaged.get(key, {}) if key is not None and key in world.names else None


def is_taken(world: "World", place: Place, type_name: str, name: str) -> bool:
    """Return whether nobody can make another at a place under a name."""
    check = effects_of(world, type_name).is_taken
    return live_properties(world, place, type_name, name) is not None if check is None else check(world, place, name)


def take_name(world: "World", place: Place, type_name: str, name: str) -> None:
    """Take a name, or fail as a resource handler does when it is taken."""
    if is_taken(world, place, type_name, name):
        raise already_exists(type_name, name)
    key = name_key(place, type_name, name)
    if key is not None and effects_of(world, type_name).live is None:
        world.names.add(key)


def forget_name(world: "World", place: Place, type_name: str, name: str) -> None:
    """Free a name."""
    key = name_key(place, type_name, name)
    if key is not None:
        world.names.discard(key)


def leave(world: "World", place: Place, resource: Resource) -> None:
    """Let a resource stand on without a stack, if it is there still."""
    key = name_key(place, resource.type, resource.physical_id or "")
    if key in world.names:
        world.unmanaged[key] = resource.properties


def make_by_hand(world: "World", place: Place, type_name: str, properties: dict[str, Any]) -> str:
    """Make a resource that belongs to no stack, and return its physical id."""
    if known(type_name).name_property not in properties:
        raise Unsupported(f"{type_name} by hand needs a name, {known(type_name).name_property}")
    name = physical_id(type_name, place, "", properties, "")
    resource = Resource("", type_name, "CREATE_COMPLETE", world.datetime(), name, properties=properties)
    take_name(world, place, type_name, name)
    effects = effects_of(world, type_name)
    effects.create(world, place, resource)
    effects.settle(world, place, resource)
    leave(world, place, resource)
    return name


def already_exists(type_name: str, name: str) -> AwsRefusal:
    """Return the resource handler's failure for a name that is taken."""
    return AwsRefusal(
        "AlreadyExists",
        f"Resource of type '{type_name}' with identifier '{name}' already exists. (HandlerErrorCode: AlreadyExists)",
    )
