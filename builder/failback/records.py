"""The findings before a failback: where the regions differ, where clients are held, and what would be lost; pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from builder.terms import Region, counted

SHOWN = 20
"""How many differences of a table or a bucket are shown to people. The others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackWay:
    """Where clients are, and where they would go."""

    source: Region
    target: Region

    @property
    def back(self) -> "FailbackWay":
        """The opposite way."""
        return FailbackWay(source=self.target, target=self.source)

    @property
    def is_none(self) -> bool:
        """Whether clients are there already."""
        return self.source == self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDifference:
    """A key of a table that only one region has, or that has different attributes in the two regions."""

    component: str
    table: str
    key: Mapping[str, Mapping[str, str]]
    """The key in DynamoDB's JSON, bytes in base 64."""
    name: str
    """The key as text for people."""
    only: Region | None
    """The only region that has the key; null if both have it with different contents."""
    attributes: tuple[str, ...] = ()
    """The attributes that are not the same in both regions."""
    written: Mapping[Region, str] = field(default_factory=dict)
    """When each region's item was written, by its attribute `time`; a region is left out if its item has none."""
    event: Literal["failback.item"] = "failback.item"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectDifference:
    """An object that readers find in only one of the two regions' buckets, or in different versions."""

    component: str
    name: str
    """The key of the object."""
    only: Region | None
    """The only region in which readers find the object; null if each region shows another version."""
    versions: Mapping[Region, str] = field(default_factory=dict)
    """The version that readers find in each region."""
    written: Mapping[Region, str] = field(default_factory=dict)
    """When the latest version in each region was written, which may be a delete marker."""
    event: Literal["failback.object"] = "failback.object"


Difference = ItemDifference | ObjectDifference


@dataclass(slots=True)
class DifferenceCount:
    """The number of differences, by which region has the key."""

    way: FailbackWay
    only_source: int = 0
    only_target: int = 0
    both: int = 0
    examples: tuple[Difference, ...] = ()
    """The first differences."""

    def take(self, difference: Difference) -> None:
        """Count a difference."""
        match difference.only:
            case None:
                self.both += 1
            case self.way.source:
                self.only_source += 1
            case _:
                self.only_target += 1
        if len(self.examples) < SHOWN:
            self.examples += (difference,)

    @property
    def all(self) -> int:
        """The number of all differences."""
        return self.only_source + self.only_target + self.both


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """The size of a table, before a comparison reads it."""

    component: str
    table: str
    items: Mapping[Region, int]
    """The number of items as DynamoDB counts them about every six hours."""
    read_units: Mapping[Region, int]
    """How many read units a consistent read of the whole table takes; on demand each is one request unit."""
    sample: int | None = None
    """How many items of each region are read instead of all."""
    event: Literal["failback.size"] = "failback.size"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareProgress:
    """The progress of a comparison."""

    component: str
    read: Mapping[Region, int]
    """How many items or keys of objects were read of each region."""
    event: Literal["failback.progress"] = "failback.progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableComparison:
    """The comparison of a table's items in the two regions."""

    component: str
    table: str
    read: Mapping[Region, int]
    """How many items were read of each region."""
    only_source: int
    only_target: int
    both: int
    """How many keys both regions have with different contents."""
    moving: int
    """How many keys were written all the time, and so differed at every read. They are being replicated."""
    is_sample: bool = False

    @property
    def differing(self) -> int:
        """How many keys differ."""
        return self.only_source + self.only_target + self.both


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketComparison:
    """The comparison of a component's buckets in the two regions, by versions."""

    component: str
    keys: int
    """How many keys there are in either region."""
    only_source: int
    only_target: int
    both: int
    """How many keys show readers another version in each region."""
    moving: int
    older: Mapping[Region, int]
    """How many versions of each region the other lacks, not counting current ones."""
    comes_over: bool
    """Whether the source is replicated to the target at all."""

    @property
    def differing(self) -> int:
        """How many keys differ for readers."""
        return self.only_source + self.only_target + self.both


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldSighting:
    """The hold, as one region shows it."""

    region: Region
    held: Region | None = None
    """Where clients have to stay; null if there is no hold."""
    problem: str = ""
    """Why the hold is not known; empty if it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldMoved:
    """The hold was set or deleted, and the regions in `seen_in` show that."""

    held: Region | None
    """Where clients stay from now on; null if they may go back."""
    seen_in: tuple[Region, ...]
    event: Literal["failback.hold"] = "failback.hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerSeen:
    """A write in the source region was seen in the target region, after so many seconds."""

    source: Region
    target: Region
    after_s: float
    event: Literal["failback.marker"] = "failback.marker"


@dataclass(frozen=True, slots=True)
class FailbackNote:
    """A note for people, which does not stop the failback."""

    what: str
    event: Literal["failback.note"] = "failback.note"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionProblem:
    """Why a region is not healthy, or not known to be."""

    region: Region
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackLoss:
    """A loss that `--allow` has to name."""

    name: str
    """A component or a region."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailbackFindings:
    """What speaks for and against sending clients from one region to another."""

    deployment: str
    way: FailbackWay
    holds: tuple[HoldSighting, ...]
    """The hold as every region shows it, the preferred one first."""
    problems: tuple[RegionProblem, ...] = ()
    tables: tuple[TableComparison, ...] = ()
    buckets: tuple[BucketComparison, ...] = ()
    examples: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    """The first differences of each component. All of them were emitted."""
    notes: tuple[str, ...] = ()
    """What was not compared, and other notes."""

    @property
    def losses(self) -> tuple[FailbackLoss, ...]:
        """What would be lost or contradicted if clients went now, each with the reason."""
        return tuple(_losses(self))

    @property
    def is_lossless(self) -> bool:
        """Whether nothing that was compared would be lost."""
        return not self.losses

    @property
    def unwell(self) -> tuple[FailbackLoss, ...]:
        """The problems of regions, in the form of losses."""
        return tuple(FailbackLoss(name=problem.region, why=problem.what) for problem in self.problems)


def _losses(findings: FailbackFindings) -> Iterator[FailbackLoss]:
    way = findings.way
    for table in findings.tables:
        yield from _losses_of(way, table, "item", table.component)
    for bucket in findings.buckets:
        yield from _losses_of(way, bucket, "object", bucket.component)


def _losses_of(
    way: FailbackWay, comparison: TableComparison | BucketComparison, noun: str, name: str
) -> Iterator[FailbackLoss]:
    if comparison.only_source:
        lost = counted(comparison.only_source, noun)
        why = f"{lost} of {way.source} not in {way.target}: lost to who goes there"
        yield FailbackLoss(name=name, why=why)
    if comparison.both:
        contradicted = counted(comparison.both, noun)
        why = f"{contradicted} not the same in both: who goes sees those of {way.target}"
        yield FailbackLoss(name=name, why=why)
    if comparison.only_target:
        unknown = counted(comparison.only_target, noun)
        why = f"{unknown} of {way.target} not in {way.source}: deleted there, or never arrived"
        yield FailbackLoss(name=name, why=why)


FailbackProgress = (
    TableSize | CompareProgress | ItemDifference | ObjectDifference | MarkerSeen | HoldMoved | FailbackNote
)
FailbackEmit = Callable[[FailbackProgress], None]
