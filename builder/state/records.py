"""The records of a deployment's state; each record is one row of the screen, and one object of the JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.assembly.components import OneWay
from builder.terms import AccountId, Region, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class StackState:
    """A stack of the assembly, or another stack with the deployment's tag."""

    name: str
    status: str
    """`ABSENT` if it does not exist."""
    drift: str = "NOT_CHECKED"
    """The result of the last drift detection."""
    last_change: str = ""
    template: str = "same"
    """Deployed against local: `same`, `different`, `not known` if they differ only in characters that GetTemplate
    shows as a `?`, `orphan` if the assembly has no such stack, `not ours yet` if there is one of the name that a
    plan adopts, or empty."""
    policy: str = ""
    """The stack policy, deployed against local: `same` or `different`; empty if the assembly has none."""

    @property
    def is_ours(self) -> bool:
        """Whether it exists and is the deployment's."""
        return self.status != "ABSENT" and self.template != "not ours yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaState:
    """A table's replica in one region. `latency_ms` is that of writes in this region, to each other replica."""

    table: str
    status: str
    items: int
    """DynamoDB's count, which it updates every six hours or so."""
    bytes: int
    point_in_time_recovery: bool
    latency_ms: Mapping[str, float | None] = field(default_factory=dict)
    """By receiving region; None if there is no metric."""
    indexes: Mapping[str, str] = field(default_factory=dict)
    """The status of each global secondary index in this region, by its name: CREATING while it is being filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """A replication rule of a bucket; `pending` and `failed` are operations, or null if there is no metric."""

    id: str
    status: str
    destination: str
    pending: float | None
    failed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketState:
    """A bucket and its replication rules."""

    bucket: str
    versioning: str
    rules: tuple[RuleState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlState:
    """The answer of a function URL to a GET of its health path."""

    url: str
    auth: str
    answer: int | None
    """The HTTP status; None if there was no answer."""
    latency_ms: float
    problem: str = ""
    path: str = "/health"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionState:
    """A function and its URLs."""

    function: str
    state: str
    last_update: str
    runtime: str
    urls: tuple[UrlState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """A CloudWatch alarm."""

    alarm: str
    state: str
    """`OK`, `ALARM`, `INSUFFICIENT_DATA`, or `ABSENT` if it does not exist."""
    since: str = ""
    reason: str = ""
    notifies: bool = True
    """Whether its actions are enabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """The topic that alarms notify: the number of confirmed subscriptions, and the addresses not confirmed yet."""

    topic: str
    confirmed: int
    pending: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """The status of one region of one account."""

    region: Region
    account: AccountId | None
    role: str = ""
    """`primary` or `secondary`, from the manifest; empty if it has no roles."""
    stacks: tuple[StackState, ...] = ()
    replicas: tuple[ReplicaState, ...] = ()
    buckets: tuple[BucketState, ...] = ()
    functions: tuple[FunctionState, ...] = ()
    alarms: tuple[AlarmState, ...] = ()
    topics: tuple[TopicState, ...] = ()
    silent: tuple[str, ...] = ()
    """What did not answer, a line each; the rest is complete."""
    refused: tuple[str, ...] = ()
    """What answered with an error, a line each."""
    is_seen: bool = True
    """Whether the region answered which stacks it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A whole deployment."""

    deployment: str
    sites: tuple[SiteState, ...]
    one_way: tuple[OneWay, ...] = ()
    """The one-way replications: objects written to the destination do not come back."""

    @property
    def is_seen(self) -> bool:
        """Whether any region answered which stacks it has."""
        return any(site.is_seen for site in self.sites)

    @property
    def is_deployed(self) -> bool:
        """Whether any stack exists, or may: a region that does not answer may have them all."""
        return not all(site.is_seen and not any(stack.is_ours for stack in site.stacks) for site in self.sites)


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyDrift:
    """A property that differs from the template."""

    path: str
    kind: str
    """ADD, REMOVE or NOT_EQUAL."""
    expected: str
    actual: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedResource:
    """A resource that drifted, with all differences."""

    logical_id: str
    type: str
    physical_id: str
    status: str
    properties: tuple[PropertyDrift, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftedStack:
    """The result of a stack's drift detection; `problem` is the reason if it failed for some or all resources."""

    region: Region
    name: str
    status: str
    """`IN_SYNC`, `DRIFTED`, `UNKNOWN`, `ABSENT` if the region lacks a stack of the assembly, or `NOT_OURS_YET` if
    there is one of the name that a plan adopts, which is not read."""
    resources: tuple[DriftedResource, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One region's settings of a resource that should be alike in all of them."""

    thing: str
    """`tap-dev-service/Function`: its name in every region."""
    region: Region
    values: Mapping[str, str]
    own_words: Mapping[str, str] = field(default_factory=dict)
    """The region's own values, such as a parameter's, by the name that they have in all regions."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Ids that differ in each region, such as those of keys and networks, with the resource of each."""
    code_of: tuple[Site, str] | None = None
    """The site and name of a function whose code is an archive, so that its contents may be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disparity:
    """A setting that should be the same in all regions, and differs."""

    thing: str
    setting: str
    values: Mapping[Region, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """The differences of a deployment, as far as the regions answered."""

    stacks: tuple[DriftedStack, ...]
    """Every stack, drifted or not."""
    disparities: tuple[Disparity, ...]
    silent: tuple[str, ...] = ()
    """What did not answer, or was refused, a line each; it was compared with nothing."""
    is_deployed: bool = True
    """Whether any stack exists, or may: a region that does not answer may have them all."""
    one_way: tuple[OneWay, ...] = ()
    """The one-way replications: objects written to the destination do not come back, as intended."""
