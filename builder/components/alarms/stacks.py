"""With `alarms:`: one stack a region, with the alarms on what can be seen there, and the topic that they notify.

CloudWatch alarms look at the metrics of their own region. So each alarm stands where its metric is published, and is
gone with that region: how late a table's items leave is told where they are written, how many objects wait is told
where they should arrive.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Cross-Account-Cross-Region.html
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from builder.assembly.components import Alarms, Component
from builder.components.bucket import stacks as bucket
from builder.components.environments import Option, given, varying_options
from builder.components.key.stacks import key_needs
from builder.components.options import FUNCTION
from builder.components.table import stacks as table
from builder.config import Config
from builder.terms import Region
from builder.topology import Stack, names

NAME = "alarms"


class What(StrEnum):
    """What an alarm is about; the value is part of its name."""

    LATENCY = "latency-to"
    """How long items take to another region. Published in the region that they are written in.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    """
    FAILED = "failed-to"
    """Objects that were not replicated to another region. Published in the source's region; the next two are in the
    destination's.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
    """
    PENDING = "pending-from"
    LATE = "late-from"
    ERRORS = "errors"
    THROTTLES = "throttles"
    DURATION = "duration"


_SERVICE = (What.ERRORS, What.THROTTLES, What.DURATION)
_OPTIONS: Mapping[What, tuple[str, ...]] = {
    What.LATENCY: ("notify", "table_latency_ms"),
    What.FAILED: ("notify", "objects_failed"),
    What.PENDING: ("notify", "objects_pending"),
    What.LATE: ("notify", "objects_latency_s"),
    What.ERRORS: ("notify", "errors_percent", "errors_floor"),
    What.THROTTLES: ("notify", "throttles"),
    What.DURATION: ("notify", "duration_percent"),
}
"""The options that each takes."""


@dataclass(frozen=True, slots=True)
class RegionAlarm:
    """One alarm of one region."""

    of: str
    """The component that it looks at."""
    what: What
    other: Region | None = None
    """The other end, of what is replicated."""

    @property
    def is_service(self) -> bool:
        """Whether it tells how the region itself serves; else how far copies are behind."""
        return self.what in _SERVICE

    def name(self, project: str) -> str:
        """Return the alarm's name; create-only, so that no threshold is in it."""
        words = (self.of, self.what, *([self.other] if self.other else []))
        return names.stack_name(project, "-".join(words))


def make_watches(config: Config, region: Region) -> tuple[RegionAlarm, ...]:
    """Return what a region's alarms look at, of the built-in components."""
    tables, buckets = table.make_components(config), bucket.make_components(config)
    return (
        *(watch for name, each in tables.items() for watch in _watches(name, each, region)),
        *(RegionAlarm(name, what) for name in config.functions_by_name for what in _SERVICE),
        *(watch for name, each in buckets.items() for watch in _watches(name, each, region)),
    )


def _watches(name: str, component: Component, region: Region) -> Iterator[RegionAlarm]:
    if component.table and region in component.table.regions:
        yield from (RegionAlarm(name, What.LATENCY, other) for other in component.table.regions if other != region)
    for source, destination in component.bucket.replication if component.bucket else ():
        if destination == region:
            yield from (RegionAlarm(name, what, source) for what in (What.PENDING, What.LATE))
        if source == region:
            yield RegionAlarm(name, What.FAILED, destination)


def make_stacks(config: Config) -> tuple[Stack, ...]:
    """Return each region's stack; none without `alarms:`."""
    if config.alarms is None:
        return ()
    return tuple(
        Stack(
            component=NAME,
            name=NAME,
            region=region,
            stack_name=names.stack_name(config.project, NAME),
            needs=key_needs(config, region),
            parameters=given(make_options(config, make_watches(config, region))),
        )
        for region in config.regions.all
    )


def make_components(config: Config) -> dict[str, Component]:
    """Return the alarms; nothing without `alarms:`."""
    if config.alarms is None:
        return {}
    watches = {region: make_watches(config, region) for region in config.regions.all}

    def named(region: Region, *, service: bool) -> tuple[str, ...]:
        return tuple(watch.name(config.project) for watch in watches[region] if watch.is_service is service)

    service, replication = (
        {region: watched for region in watches if (watched := named(region, service=kind))} for kind in (True, False)
    )
    return {NAME: Component(alarms=Alarms(topic=topic_name(config), service=service, replication=replication))}


def guards(config: Config) -> tuple[str, ...]:
    """Return the primary's alarms that no drill sets off by itself, by name, the most telling first; none without any.

    While the primary is paused, and when it is throttled, nothing fails by that: a call that is throttled is answered
    429, and not carried out.
    """
    if config.alarms is None:
        return ()
    whats = (What.ERRORS, What.DURATION)
    return tuple(RegionAlarm(name, what).name(config.project) for what in whats for name in config.functions_by_name)


def topic_name(config: Config) -> str:
    """Return the name of every region's topic."""
    return names.stack_name(config.project, NAME)


def make_options(config: Config, watches: Sequence[RegionAlarm]) -> tuple[Option, ...]:
    """Return what differs between environments of what the template of these alarms says: only that is a parameter.

    Thresholds, and the timeouts of functions that are watched, each by the function's name.
    """
    fields = {field for watch in watches for field in _OPTIONS[watch.what]}
    own = (option for option in varying_options(config, NAME, NAME) if option.name in fields)
    functions = dict.fromkeys(watch.of for watch in watches if watch.what is What.DURATION)
    timeouts = (
        replace(option, parameter=timeout_parameter(name))
        for name in functions
        for option in varying_options(config, FUNCTION, name)
        if option.name == "timeout_s"
    )
    return (*own, *timeouts)


def timeout_parameter(function: str) -> str:
    """Return the parameter that holds a function's timeout, where environments differ in it."""
    return f"{names.logical_name(function)}TimeoutS"


def logical_id(watch: RegionAlarm) -> str:
    """Return the logical id of an alarm's resource, which no other alarm of its region has."""
    about = f"{watch.what}-{watch.other or ''}"
    return names.logical_name(watch.of) + "".join(part.capitalize() for part in about.split("-"))
