"""With `encryption: {key: managed}`: the stack of the key in its home region, and of a replica in each other one."""

from collections.abc import Iterator

from builder.assembly.components import OutputOf
from builder.config import Config
from builder.terms import Region, StackId
from builder.topology import Stack, names, stack_id
from builder.topology.names import PhysicalName

NAME = "key"
_LENGTH = 256
"""Of an alias.

Source: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
"""


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return the stack of the key, and of each replica, which is given the key's ARN; none without a managed key."""
    if not is_managed(config):
        return ()
    home = key_home(config)
    return tuple(
        _stack(config, home, region) for region in (home, *(other for other in config.regions.all if other != home))
    )


def _stack(config: Config, home: Region, region: Region) -> Stack:
    primary = stack_id(home, NAME)
    return Stack(
        component="key",
        name=NAME,
        region=region,
        stack_name=names.stack_name(config.project, NAME),
        needs=() if region == home else (primary,),
        parameters={} if region == home else {"PrimaryKeyArn": OutputOf((primary, "KeyArn"))},
    )


def key_home(config: Config) -> Region:
    """Return the region of the key that the others replicate: for good, since a new primary region replaces none."""
    return config.regions.born or config.regions.primary


def is_managed(config: Config) -> bool:
    """Return whether the system has a key of its own."""
    return config.encryption is not None and config.encryption.is_managed


def key_needs(config: Config, *regions: Region) -> tuple[StackId, ...]:
    """Return the stacks that have to stand before anything in these regions names the key."""
    return tuple(stack_id(region, NAME) for region in regions) if is_managed(config) else ()


def key_id(config: Config, region: Region) -> dict[str, OutputOf]:
    """Return the parameter by which a stack in a region learns a managed key's id, the same in every region."""
    return {"KeyId": OutputOf((stack_id(region, NAME), "KeyId"))} if is_managed(config) else {}


def function_key(config: Config, region: Region, *, uses_data: bool) -> dict[str, str | OutputOf]:
    """Return the parameter by which the stack of a function learns of its region's key, where it has to do with it.

    `uses_data` says whether the function reads or writes any table or bucket of the system.
    """
    if config.encryption is None or not (config.encryption.functions or uses_data):
        return {}
    own = config.encryption.own_key(region)
    if own is None:
        return {"KeyArn": OutputOf((stack_id(region, NAME), "KeyArn"))}
    return {"KeyAlias" if config.encryption.by_alias else "KeyArn": own}


def make_names(config: Config) -> Iterator[PhysicalName]:
    """Yield the alias."""
    if is_managed(config):
        yield PhysicalName("key alias", names.key_alias(config.project), _LENGTH)
