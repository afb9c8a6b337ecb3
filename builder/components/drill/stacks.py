"""With `drill: fis`: one stack in the primary with the experiment that pauses replication."""

from builder.components.alarms.stacks import NAME as ALARMS
from builder.components.alarms.stacks import guards
from builder.components.bucket.stacks import replicated_buckets, stack_part
from builder.config import Config
from builder.topology import Stack, names, stack_id

NAME = "drill"


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return the stack, which needs what it pauses, and the alarms that stop it; none without `fis`."""
    if config.drill.fis is None:
        return ()
    region = config.regions.primary
    paused = (*(stack_part(name) for name in replicated_buckets(config)), *config.tables_by_name)
    watched = (ALARMS,) if guards(config) else ()
    return (
        Stack(
            component="drill",
            name=NAME,
            region=region,
            stack_name=names.stack_name(config.project, NAME),
            needs=tuple(stack_id(region, name) for name in (*paused, *watched)),
        ),
    )
