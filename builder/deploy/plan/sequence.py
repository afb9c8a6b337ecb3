"""From the deployed template to the desired one in as many updates as it takes; pure.

AWS takes some changes only one at a time, such as a global table's replicas; which, is said by the module of the type
in `resources`. The templates in between are the desired text with other items in those lists, all else byte for byte:
GetTemplate's answer, in which a `?` may stand for another character, is no template to send. First the public
functions, then which operations there are, then the lists of each state.
"""

import copy
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder.deploy.resources import HOLDERS, Singly
from builder.errors import Stopped
from builder.template import (
    Binding,
    Comparison,
    ListEdit,
    Template,
    Unspliceable,
    as_list,
    as_shown,
    at,
    chosen,
    compare_data,
    names_in,
    properties_of,
    read_deployed,
    read_template,
    splice,
)

ParameterValues = Mapping[str, str | None]
"""Of parameters and pseudo-parameters; None for what is not known."""
_ATTRIBUTES, _INDEXES = "AttributeDefinitions", "GlobalSecondaryIndexes"
_NAMED_BY = {_ATTRIBUTES: "AttributeName"}
_ALONE = "make the other changes first, then this one by itself"


@dataclass(frozen=True, slots=True)
class Update:
    """One of the updates."""

    template: str
    because: str = ""
    """Why it is one of its own; empty for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where a sequence begins and where it is to end."""

    where: str
    """The stack."""
    deployed: object
    """As GetTemplate answers."""
    desired: str
    values_before: ParameterValues = field(default_factory=dict)
    values_after: ParameterValues = field(default_factory=dict)
    more_differs: bool = False
    """Whether the update changes something beside the template: parameters, tags."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """One item more or less."""

    resource: str
    singly: Singly
    item: str
    comes: bool


@dataclass(frozen=True, slots=True)
class _End:
    """A template with its values."""

    template: Template
    binding: Binding

    def items(self, resource: Mapping[str, Any], key: str) -> dict[str, Any] | None:
        """Return the items of a list by what they are known by; None where only a deployment tells the list."""
        listed = properties_of(resource).get(key, [])
        if not isinstance(listed, list):
            return None
        return {known: item for item in listed if (known := self.namer(key)(item)) is not None}

    def namer(self, key: str) -> "_Namer":
        """Return how the items of a list are known."""
        return _Namer(_named_by(key), self.binding)


@dataclass(frozen=True, slots=True)
class _Way:
    """What the states are made of: both templates, and the rounds of operations between them in order."""

    ends: Ends
    deployed: "_End"
    desired: "_End"
    rounds: tuple[tuple[_Operation, ...], ...]

    @property
    def first(self) -> int:
        """How many rounds the first update does: none where all else has to be changed before them."""
        if not self.rounds or not self.rounds[0][0].singly.alone:
            return min(1, len(self.rounds))
        if self.ends.more_differs:
            return 0
        # What GetTemplate does not show may differ too.
        alike = compare_data(_in_order(self, self.state(0)), _in_order(self, self.deployed.template.data))
        return 1 if alike is Comparison.SAME else 0

    def state(self, done: int) -> dict[str, Any]:
        """Return the desired template as data with only so many rounds done."""
        made: dict[str, Any] = copy.deepcopy(dict(self.desired.template.data))
        for name, lists in self.lists(done).items():
            properties = made["Resources"][name]["Properties"]
            made["Resources"][name]["Properties"] = chosen(properties, lists, self.desired.namer)
        return made

    def lists(self, done: int) -> dict[str, dict[str, ListEdit]]:
        """Return what the lists of each resource hold with so many rounds done."""
        names = dict.fromkeys(one.resource for one in self.operations())
        return {name: _lists(self, name, done) for name in names}

    def operations(self, done: int = 0) -> list[_Operation]:
        """Return every operation that is left after so many rounds."""
        return [one for operations in self.rounds[done:] for one in operations]


@dataclass(frozen=True, slots=True)
class _Namer:
    named_by: str
    binding: Binding

    def __call__(self, item: object) -> str | None:
        said = item.get(self.named_by) if isinstance(item, Mapping) else None
        if said is None:
            return None
        known = self.binding.text(said)
        return known if known is not None else json.dumps(said, sort_keys=True)


def make_sequence(ends: Ends) -> tuple[Update, ...]:
    """Return the updates to make one after the other, the desired template last; only that where it needs no others.

    The first has all that is changed beside the lists; where an item of a list has to be changed alone, none of those.
    Begun again from one in between it ends with the updates that were left, the same to the byte; what does all else
    comes before them again where GetTemplate does not show whether that is done. Raises Stopped where a template in
    between cannot be made.
    """
    way = _way(ends)
    if len(way.rounds) <= way.first:
        return (Update(ends.desired),)
    between = range(way.first, len(way.rounds))
    texts = (*(_text(way, done) for done in between), ends.desired)
    because = ("", *(_because(way.rounds[done][0]) for done in between))
    return tuple(Update(text, why) for text, why in zip(texts, because, strict=True))


def count_updates(ends: Ends) -> int:
    """Return how many updates it takes."""
    way = _way(ends)
    return max(1, len(way.rounds) + 1 - way.first)


def _because(operation: _Operation) -> str:
    return f"AWS takes one {operation.singly.noun} more or less at a time"


def _way(ends: Ends) -> _Way:
    before, after = read_deployed(ends.deployed, ends.where), read_template(ends.desired, ends.where)
    deployed, desired = _End(before, before.bind(ends.values_before)), _End(after, after.bind(ends.values_after))
    return _Way(ends, deployed, desired, tuple(_rounds(tuple(_operations(deployed, desired)))))


def _rounds(operations: Sequence[_Operation]) -> Iterator[tuple[_Operation, ...]]:
    """Yield what is done at once: an index of each table, and then each replica by itself."""
    together = [one for one in operations if not one.singly.alone]
    names = dict.fromkeys(one.resource for one in together)
    by_resource = [[one for one in together if one.resource == name] for name in names]
    for round_ in itertools.zip_longest(*by_resource):
        yield tuple(one for one in round_ if one is not None)
    yield from ((one,) for one in operations if one.singly.alone)


def _operations(deployed: _End, desired: _End) -> Iterator[_Operation]:
    for name, resource in desired.template.resources().items():
        before, kind = deployed.template.resource(name), str(resource.get("Type"))
        if before.get("Type") != kind or kind not in HOLDERS:
            continue
        for singly in HOLDERS[kind].singly:
            was, will = deployed.items(before, singly.property), desired.items(resource, singly.property)
            if was is None or will is None:
                continue
            # What comes before what goes, so that nothing is ever held less often.
            yield from (_Operation(name, singly, one, comes=True) for one in will if one not in was)
            yield from (_Operation(name, singly, one, comes=False) for one in was if one not in will)


def _named_by(key: str) -> str:
    named = {singly.property: singly.named_by for holder in HOLDERS.values() for singly in holder.singly}
    return (named | _NAMED_BY)[key]


def _lists(way: _Way, name: str, done: int) -> dict[str, ListEdit]:
    """Return what the lists of one resource hold with so many operations done."""
    before, after = way.deployed.template.resource(name), way.desired.template.resource(name)
    late = [one for one in way.operations(done) if one.resource == name]
    own = dict.fromkeys(one.singly for one in way.operations() if one.resource == name)
    lists = {singly.property: _choice(way, before, singly.property, late) for singly in own}
    if _INDEXES not in lists:
        return lists
    lists |= _attributes(way, before, after, lists)
    # An index of a replica has settings of its own, in the replica.
    inside = {
        known: _settings(way, replica, late)
        for known, replica in (way.deployed.items(before, "Replicas") or {}).items()
    }
    replicas = lists.get("Replicas") or ListEdit(stays=lambda _: True)
    comes = {known: chosen(item, inside.get(known, {}), way.desired.namer) for known, item in replicas.comes.items()}
    if isinstance(properties_of(after).get("Replicas"), list):
        gained: dict[str | None, dict[str, ListEdit]] = {
            known: inside.get(known) or _settings(way, {}, late) for known in way.desired.items(after, "Replicas") or {}
        }
        lists["Replicas"] = ListEdit(stays=replicas.stays, comes=comes, within=gained)
    return lists


def _choice(way: _Way, before: Mapping[str, Any], key: str, late: Sequence[_Operation]) -> ListEdit:
    """Return the desired list without what has not come yet, and with what has not gone yet."""
    not_yet = {one.item for one in late if one.comes and one.singly.property == key}
    still = [one.item for one in late if not one.comes and one.singly.property == key]
    there = way.deployed.items(before, key) or {}
    return ListEdit(stays=lambda item: item not in not_yet, comes={one: there[one] for one in still if one in there})


def _settings(way: _Way, replica: Mapping[str, Any], late: Sequence[_Operation]) -> dict[str, ListEdit]:
    return {_INDEXES: _choice(way, {"Properties": replica}, _INDEXES, late)}


def _attributes(
    way: _Way, before: Mapping[str, Any], after: Mapping[str, Any], lists: Mapping[str, ListEdit]
) -> dict[str, ListEdit]:
    """Return which attributes are defined: DynamoDB refuses one that no key uses, and a key that is not defined."""
    state = chosen(properties_of(after), {_INDEXES: lists[_INDEXES]}, way.desired.namer)
    needed = set(_keys(state))
    ever = {*_keys(properties_of(before)), *_keys(properties_of(after))}
    defined = way.desired.items(after, _ATTRIBUTES) or {}
    there = way.deployed.items(before, _ATTRIBUTES) or {}
    comes = {one: there[one] for one in there if one in needed and one not in defined}
    return {_ATTRIBUTES: ListEdit(stays=lambda item: item in needed or item not in ever, comes=comes)}


def _keys(properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield every attribute that is part of a key, of the table or of an index."""
    indexes = [*as_list(properties.get(_INDEXES)), *as_list(properties.get("LocalSecondaryIndexes"))]
    for holder in (properties, *indexes):
        keys = as_list(at(holder, "KeySchema"))
        yield from (str(name) for key in keys if (name := at(key, "AttributeName")) is not None)


def _in_order(way: _Way, template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template in which those lists are sorted: AWS takes them as sets."""
    made: dict[str, Any] = copy.deepcopy(dict(template))
    for name in dict.fromkeys(one.resource for one in way.operations()):
        properties = made["Resources"][name].get("Properties", {})
        for key in ("Replicas", _INDEXES, _ATTRIBUTES):
            if isinstance(properties.get(key), list):
                properties[key].sort(key=as_shown)
    return made


def _text(way: _Way, done: int) -> str:
    """Return the desired text with only so many operations done."""
    text = way.ends.desired
    for name, lists in way.lists(done).items():
        _check(way, name, lists)
        try:
            text = splice(text, ("Resources", name, "Properties"), lists, way.desired.namer)
        except Unspliceable as error:
            raise _unspliceable(way, name) from error
    if read_template(text, way.ends.where).data != way.state(done):
        raise _unspliceable(way, way.rounds[0][0].resource)
    return text


def _unspliceable(way: _Way, name: str) -> Stopped:
    what = f"{_because(way.rounds[0][0])}, and the template's text cannot be cut into such steps"
    return Stopped(where=f"{way.ends.where}/{name}", what=what, next_step="change one at a time in the template")


def _check(way: _Way, name: str, lists: Mapping[str, ListEdit]) -> None:
    """Raise Stopped where an item comes from the deployed template that cannot be sent again as it shows there."""
    known = {*way.desired.template.resources(), *way.desired.template.section("Parameters")}
    for choice in _every(lists):
        for known_by, item in choice.comes.items():
            where = f"{way.ends.where}/{name}"
            if "?" in json.dumps(item):
                raise Stopped(
                    where=where,
                    what=f"{known_by} goes after the other changes, and its entry in the deployed template has a `?`, "
                    "which may stand for another character: it is not sent again",
                    next_step=_ALONE,
                )
            if gone := [name for name in names_in(item) if name not in known and not name.startswith("AWS")]:
                raise Stopped(
                    where=where,
                    what=f"{known_by} goes after the other changes, and its entry in the deployed template refers to "
                    f"{gone[0]}, which goes with them",
                    next_step=_ALONE,
                )


def _every(lists: Mapping[str, ListEdit]) -> Iterator[ListEdit]:
    for choice in lists.values():
        yield choice
        for inner in choice.within.values():
            yield from _every(inner)
