"""The picture of an assembly: the regions, the stacks in each, what needs what, and where data is replicated.

All of it is read from the manifest and the templates, so other people's stacks are drawn as ours are.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from builder.assembly.bound import Bound, bind_entries
from builder.assembly.references import object_copies
from builder.assembly.store import Assembly
from builder.assembly.uses import find_needs, find_uses
from builder.resource_types import GLOBAL_TABLE
from builder.resource_types.facts import NOUNS, holds_data
from builder.template import PLACEHOLDER
from builder.terms import StackId

# Values known only at deployment; one sign for adjacent ones.
_UNKNOWN = re.compile(f"{PLACEHOLDER}(-{PLACEHOLDER})*")


class ArrowKind(StrEnum):
    """Why an arrow is drawn; the value is the word for it."""

    ITEMS = "items"
    """Between two replicas of a table, which replicate to each other."""
    OBJECTS = "objects"
    """From a bucket to the one that it replicates to."""
    NEEDS = "needs"
    """From a stack to one that has to exist before it is created."""


@dataclass(frozen=True, slots=True)
class DiagramNode:
    """A stack, or a table's replica in a region other than its stack's."""

    id: str
    place: str
    """Its region, with the account where that is not the credentials'."""
    title: str
    lines: tuple[str, ...]
    """Its contents: each resource, with its physical name if that is known."""
    holds_data: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line between two nodes, by their ids, with all its reasons."""

    source: str
    target: str
    links: tuple[ArrowKind, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """A whole picture; nodes of one place are together, in the order of the manifest."""

    places: tuple[str, ...]
    nodes: tuple[DiagramNode, ...]
    arrows: tuple[Arrow, ...]


def make_diagram(assembly: Assembly) -> Diagram:
    """Return the picture. Raises BadInput where a template can't be read."""
    bounds = bind_entries(assembly.manifest, assembly.templates)
    replicas = [
        (bound.entry.id, tuple(_replicas(bound, *table))) for bound in bounds for table in bound.resources(GLOBAL_TABLE)
    ]
    nodes = (*(_stack(bound) for bound in bounds), *(node for _, others in replicas for node in others))
    links: dict[tuple[str, str], dict[ArrowKind, None]] = {}
    needs = find_needs(assembly.manifest, find_uses(bounds)).of
    for source, target, link in _links(bounds, replicas, needs):
        links.setdefault((source, target), {})[link] = None
    arrows = tuple(Arrow(*ends, links=tuple(kinds)) for ends, kinds in links.items())
    return Diagram(tuple(dict.fromkeys(node.place for node in nodes)), nodes, arrows)


def _links(
    bounds: Sequence[Bound],
    replicas: Sequence[tuple[StackId, tuple[DiagramNode, ...]]],
    needs: Mapping[StackId, tuple[StackId, ...]],
) -> Iterator[tuple[str, str, ArrowKind]]:
    for stack, others in replicas:
        for first, second in combinations([stack, *(node.id for node in others)], 2):
            yield first, second, ArrowKind.ITEMS
    for source, target in object_copies(bounds):
        yield source, target, ArrowKind.OBJECTS
    for bound in bounds:
        for need in needs[bound.entry.id]:
            yield bound.entry.id, need, ArrowKind.NEEDS


def _stack(bound: Bound) -> DiagramNode:
    entry = bound.entry
    made = [body for _, body in bound.made(bound.template.resources(*NOUNS))]
    return DiagramNode(
        id=entry.id,
        place=_place(bound, entry.region),
        title=entry.id.removeprefix(f"{entry.region}/"),
        lines=tuple(_lines(bound, made)),
        holds_data=any(holds_data(str(body["Type"])) for body in made),
    )


def _replicas(bound: Bound, name: str, body: Mapping[str, object]) -> Iterator[DiagramNode]:
    """Yield the replicas of a stack's table in other regions, in the template's order."""
    match body:
        case {"Properties": {"Replicas": list(replicas)}}:
            regions = [bound.text(replica.get("Region")) for replica in replicas if isinstance(replica, dict)]
        case _:
            return
    for region in dict.fromkeys(regions):
        if region is not None and region != bound.entry.region:
            yield DiagramNode(
                id=f"{bound.entry.id}/{name}/{region}",
                place=_place(bound, region),
                title="replica",
                lines=tuple(_resource_lines(bound, body)),
                holds_data=True,
            )


def _place(bound: Bound, region: str) -> str:
    return f"{region}, account {bound.entry.account}" if bound.entry.account else region


def _lines(bound: Bound, bodies: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """Yield a line for each resource; alike ones without a name of their own are counted."""
    lines = [tuple(_resource_lines(bound, body)) for body in bodies]
    for line, count in Counter(lines).items():
        yield from (f"{line[0]} ×{count}", *line[1:]) if count > 1 else line


def _resource_lines(bound: Bound, body: Mapping[str, object]) -> Iterator[str]:
    """Yield a resource's kind, and its name if that is known: `global table`, `tap-…-global`."""
    yield NOUNS[str(body["Type"])]
    if name := bound.name_of(body):
        yield _UNKNOWN.sub("…", name)
