"""The stacks of the default system: from the config to what stands in which region and needs what."""

from dataclasses import dataclass
from enum import StrEnum

from builder.config import Config
from builder.terms import Region, StackId
from builder.topology import names


class StackKind(StrEnum):
    """The kinds of stack; each has a template module of the same name in `builder.stacks`."""

    STORAGE = "storage"
    TABLE = "table"
    SERVICE = "service"
    DRILL = "drill"


@dataclass(frozen=True, slots=True)
class Stack:
    """One stack in one region."""

    kind: StackKind
    region: Region
    name: str
    needs: tuple[StackId, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    """Beyond EnvironmentSuffix, which every template takes."""
    outputs: tuple[tuple[str, str], ...] = ()
    """The deployment's public output names, each with the stack's own output that holds it."""
    capabilities: tuple[str, ...] = ()

    @property
    def id(self) -> StackId:
        """The id within the assembly, `us-east-1/table`."""
        return stack_id(self.region, self.kind)


def stack_id(region: Region, kind: StackKind) -> StackId:
    """Return the assembly's id for a region's stack of a kind."""
    return StackId(f"{region}/{kind}")


def make_topology(config: Config) -> tuple[Stack, ...]:
    """Return every stack: the secondaries' storage first, then the primary's stacks, then the services, and last what
    only drills need.
    """
    primary, secondaries = config.regions.primary, config.regions.secondaries
    return (
        *(_storage(config, region, needs=()) for region in secondaries),
        _storage(config, primary, needs=tuple(stack_id(region, StackKind.STORAGE) for region in secondaries)),
        Stack(
            kind=StackKind.TABLE,
            region=primary,
            name=names.stack_name(config.project, StackKind.TABLE),
            outputs=(("globalTableName", "TableName"),),
        ),
        *(_service(config, region) for region in config.regions.all),
        *((_drill(config),) if config.drill.fis is not None else ()),
    )


def _storage(config: Config, region: Region, needs: tuple[StackId, ...]) -> Stack:
    return Stack(
        kind=StackKind.STORAGE,
        region=region,
        name=names.stack_name(config.project, StackKind.STORAGE),
        needs=needs,
        outputs=tuple((name, "BucketName") for name in _public_names(config, region, "BucketName", "bucketName")),
        # The primary's storage holds the replication role.
        capabilities=("CAPABILITY_IAM",) if region == config.regions.primary else (),
    )


def _service(config: Config, region: Region) -> Stack:
    return Stack(
        kind=StackKind.SERVICE,
        region=region,
        name=names.stack_name(config.project, StackKind.SERVICE),
        needs=(stack_id(config.regions.primary, StackKind.TABLE),),
        parameters=(("Role", "primary" if region == config.regions.primary else "secondary"),),
        outputs=tuple((name, "FunctionUrl") for name in _public_names(config, region, "LambdaUrl", "lambdaUrl")),
        capabilities=("CAPABILITY_IAM",),
    )


def _drill(config: Config) -> Stack:
    region = config.regions.primary
    return Stack(
        kind=StackKind.DRILL,
        region=region,
        name=names.stack_name(config.project, StackKind.DRILL),
        needs=(stack_id(region, StackKind.STORAGE), stack_id(region, StackKind.TABLE)),
        capabilities=("CAPABILITY_IAM",),
    )


def _public_names(config: Config, region: Region, noun: str, by_region: str) -> tuple[str, ...]:
    """`primaryX`, `secondaryX` for the first secondary, and with several secondaries `x.<region>` for all."""
    named = {config.regions.primary: f"primary{noun}", config.regions.secondaries[0]: f"secondary{noun}"}
    several = len(config.regions.secondaries) > 1
    return (*((named[region],) if region in named else ()), *((f"{by_region}.{region}",) if several else ()))
