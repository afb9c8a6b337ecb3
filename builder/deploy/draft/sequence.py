"""From the deployed template to the desired one, in as many updates as that takes; pure.

AWS takes some changes only one at a time, such as a global table's replicas, and some properties need an intermediate
value, such as its time to live; the type's module in `resources` lists them, and what AWS would refuse. An intermediate
template is the desired text with other items in those lists, or such a value, all else byte for byte: GetTemplate's
answer, in which a `?` may stand for another character, must not be sent. First the public functions, then the
operations, then the lists of each state.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder.deploy.resources import HOLDERS, Holder, Singly
from builder.errors import Stopped, gathered
from builder.template import (
    Binding,
    Comparison,
    ListEdit,
    Template,
    TemplatePath,
    Unspliceable,
    as_list,
    as_shown,
    at,
    chosen,
    compare_data,
    masked,
    names_in,
    properties_of,
    put_values,
    read_deployed,
    read_template,
    splice,
)

ParameterValues = Mapping[str, str | None]
"""Values of parameters and pseudo-parameters; None for an unknown one."""
_ATTRIBUTES, _INDEXES = "AttributeDefinitions", "GlobalSecondaryIndexes"
_NAMED_BY = {_ATTRIBUTES: "AttributeName"}
_ALONE = "make the other changes first, then this one by itself"


@dataclass(frozen=True, slots=True)
class Update:
    """One update of a sequence."""

    template: str
    because: str = ""
    """Why it is an update of its own; empty for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The start and the end of a sequence."""

    where: str
    """The stack."""
    deployed: object
    """GetTemplate's answer."""
    desired: str
    values_before: ParameterValues = field(default_factory=dict)
    values_after: ParameterValues = field(default_factory=dict)
    more_differs: bool = False
    """Whether the update changes parameters or tags, too."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """The addition or the removal of one item."""

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
        """Return the items of a list by their names; None where the list is known only after a deployment."""
        listed = properties_of(resource).get(key, [])
        if not isinstance(listed, list):
            return None
        return {known: item for item in listed if (known := self.namer(key)(item)) is not None}

    def properties(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Return a resource's properties as far as they are known; what GetTemplate hides is masked."""
        bound = self.binding.value(properties_of(resource))
        made: dict[str, Any] = json.loads(masked(json.dumps(bound, ensure_ascii=False, default=str)))
        return made

    def namer(self, key: str) -> "_Namer":
        """Return the function that names the items of a list."""
        return _Namer(_named_by(key), self.binding)


@dataclass(frozen=True, slots=True)
class _Way:
    """What the states are built from: both templates, and the operations between them in order."""

    ends: Ends
    deployed: "_End"
    desired: "_End"
    operations: tuple[_Operation, ...]
    held: Mapping[TemplatePath, Any]
    """The intermediate values of the first update, by their paths in the template."""

    @property
    def first(self) -> int:
        """How many operations the first update does: none where all else has to be changed before them."""
        if not self.operations or self.held or self.ends.more_differs:
            return 0
        # What GetTemplate hides may differ too.
        alike = compare_data(_in_order(self, self.state(0)), _in_order(self, self.deployed.template.data))
        return 1 if alike is Comparison.SAME else 0

    def state(self, done: int) -> dict[str, Any]:
        """Return the desired template, as data, after the first `done` operations."""
        made: dict[str, Any] = copy.deepcopy(dict(self.desired.template.data))
        for name, lists in self.lists(done).items():
            properties = made["Resources"][name]["Properties"]
            made["Resources"][name]["Properties"] = chosen(properties, lists, self.desired.namer)
        return made

    def lists(self, done: int) -> dict[str, dict[str, ListEdit]]:
        """Return the lists of each resource after the first `done` operations."""
        names = dict.fromkeys(operation.resource for operation in self.operations)
        return {name: _lists(self, name, done) for name in names}


@dataclass(frozen=True, slots=True)
class _Namer:
    named_by: str
    binding: Binding

    def __call__(self, item: object) -> str | None:
        value = item.get(self.named_by) if isinstance(item, Mapping) else None
        if value is None:
            return None
        known = self.binding.text(value)
        return known if known is not None else json.dumps(value, sort_keys=True)


def make_sequence(ends: Ends) -> tuple[Update, ...]:
    """Return the updates in order, the desired template last; only that where it needs no others.

    The first update has all other changes, and the intermediate values; where nothing else changes, it has the first
    change of a list. A sequence from one of its own intermediate templates is the rest of the former one, byte for
    byte; the update with all other changes is repeated where GetTemplate hides whether it is done. Raises Stopped where
    an intermediate template cannot be made, and for a change that AWS would refuse in the middle.
    """
    way = _way(ends)
    held = (Update(_held_text(way)),) if way.held else ()
    names = ", ".join(str(path[-1]) for path in way.held)
    because = f"AWS takes such a change of {names} in two updates" if names else ""
    if len(way.operations) <= way.first:
        return (*held, Update(ends.desired, because))
    between = range(way.first, len(way.operations))
    texts = (*(_text(way, done) for done in between), ends.desired)
    reasons = (because, *(_because(way.operations[done]) for done in between))
    return (*held, *(Update(text, why) for text, why in zip(texts, reasons, strict=True)))


def count_updates(ends: Ends) -> int:
    """Return how many updates the sequence takes."""
    way = _way(ends)
    return max(1, len(way.operations) + 1 - way.first) + bool(way.held)


def _because(operation: _Operation) -> str:
    return f"AWS takes one {operation.singly.noun} more or less at a time"


def _way(ends: Ends) -> _Way:
    before, after = read_deployed(ends.deployed, ends.where), read_template(ends.desired, ends.where)
    deployed, desired = _End(before, before.bind(ends.values_before)), _End(after, after.bind(ends.values_after))
    return _Way(ends, deployed, desired, tuple(_operations(deployed, desired)), dict(_held(ends, deployed, desired)))


def _kept(deployed: _End, desired: _End) -> Iterator[tuple[str, Holder, Mapping[str, Any]]]:
    """Yield every desired resource that is deployed already, with its type's Holder, if the type has one."""
    for name, resource in desired.template.resources().items():
        kind = str(resource.get("Type"))
        if deployed.template.resource(name).get("Type") == kind and kind in HOLDERS:
            yield name, HOLDERS[kind], resource


def _held(ends: Ends, deployed: _End, desired: _End) -> Iterator[tuple[TemplatePath, Any]]:
    """Yield each intermediate value of the first update. Raises Stopped for what AWS would refuse."""
    refused = []
    for name, holder, resource in _kept(deployed, desired):
        before, after = deployed.properties(deployed.template.resource(name)), desired.properties(resource)
        where = f"{ends.where}/{name}"
        refused += [
            Stopped(where=where, what=refusal.what, next_step=refusal.next_step)
            for refusal in holder.refusals(before, after)
        ]
        for key, value in holder.held(before, after).items():
            if "?" in json.dumps(value):
                what = f"its {key} is held first, and a `?` in the deployed template may stand for another character"
                raise Stopped(where=where, what=what, next_step=f"change {key} by itself, in two deployments")
            yield ("Resources", name, "Properties", key), value
    if refused:
        raise gathered(refused)


def _operations(deployed: _End, desired: _End) -> Iterator[_Operation]:
    for name, holder, resource in _kept(deployed, desired):
        before = deployed.template.resource(name)
        for singly in holder.singly:
            was, will = deployed.items(before, singly.property), desired.items(resource, singly.property)
            if was is None or will is None:
                continue
            comes = [_Operation(name, singly, item, comes=True) for item in will if item not in was]
            goes = [_Operation(name, singly, item, comes=False) for item in was if item not in will]
            # Additions before removals, as far as there is room, so that data never has fewer copies.
            over = max(0, len(was) + len(comes) - singly.most) if singly.most else 0
            yield from (*goes[:over], *comes, *goes[over:])


def _named_by(key: str) -> str:
    named = {singly.property: singly.named_by for holder in HOLDERS.values() for singly in holder.singly}
    return (named | _NAMED_BY)[key]


def _lists(way: _Way, name: str, done: int) -> dict[str, ListEdit]:
    """Return one resource's lists after the first `done` operations."""
    before, after = way.deployed.template.resource(name), way.desired.template.resource(name)
    late = [operation for operation in way.operations[done:] if operation.resource == name]
    own = dict.fromkeys(operation.singly for operation in way.operations if operation.resource == name)
    lists = {singly.property: _choice(way, before, singly.property, late) for singly in own}
    if _INDEXES not in lists:
        return lists
    lists |= _attributes(way, before, after, lists)
    # A replica has its own settings of an index.
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
    """Return the list after the first n operations: without later additions, and with what is removed later."""
    not_yet = {operation.item for operation in late if operation.comes and operation.singly.property == key}
    still = [operation.item for operation in late if not operation.comes and operation.singly.property == key]
    there = way.deployed.items(before, key) or {}
    return ListEdit(
        stays=lambda item: item not in not_yet, comes={name: there[name] for name in still if name in there}
    )


def _settings(way: _Way, replica: Mapping[str, Any], late: Sequence[_Operation]) -> dict[str, ListEdit]:
    return {_INDEXES: _choice(way, {"Properties": replica}, _INDEXES, late)}


def _attributes(
    way: _Way, before: Mapping[str, Any], after: Mapping[str, Any], lists: Mapping[str, ListEdit]
) -> dict[str, ListEdit]:
    """Return the attribute definitions: DynamoDB refuses one that no key uses, and a key without one."""
    state = chosen(properties_of(after), {_INDEXES: lists[_INDEXES]}, way.desired.namer)
    needed = set(_keys(state))
    ever = {*_keys(properties_of(before)), *_keys(properties_of(after))}
    defined = way.desired.items(after, _ATTRIBUTES) or {}
    there = way.deployed.items(before, _ATTRIBUTES) or {}
    comes = {name: there[name] for name in there if name in needed and name not in defined}
    return {_ATTRIBUTES: ListEdit(stays=lambda item: item in needed or item not in ever, comes=comes)}


def _keys(properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield every attribute in a key of the table or of an index."""
    indexes = [*as_list(properties.get(_INDEXES)), *as_list(properties.get("LocalSecondaryIndexes"))]
    for holder in (properties, *indexes):
        keys = as_list(at(holder, "KeySchema"))
        yield from (str(name) for key in keys if (name := at(key, "AttributeName")) is not None)


def _in_order(way: _Way, template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template with those lists sorted: their order means nothing to AWS."""
    made: dict[str, Any] = copy.deepcopy(dict(template))
    for name in dict.fromkeys(operation.resource for operation in way.operations):
        properties = made["Resources"][name].get("Properties", {})
        for holder in (*as_list(properties.get("Replicas")), properties):
            for key in ("Replicas", _INDEXES, _ATTRIBUTES):
                if isinstance(holder, dict) and isinstance(holder.get(key), list):
                    holder[key].sort(key=as_shown)
    return made


def _text(way: _Way, done: int) -> str:
    """Return the desired text after the first `done` operations."""
    text = way.ends.desired
    for name, lists in way.lists(done).items():
        _check(way, name, lists)
        try:
            text = splice(text, ("Resources", name, "Properties"), lists, way.desired.namer)
        except Unspliceable as error:
            raise _unspliceable(way, name) from error
    if read_template(text, way.ends.where).data != way.state(done):
        raise _unspliceable(way, way.operations[0].resource)
    return text


def _held_text(way: _Way) -> str:
    """Return the text of the first update, with its intermediate values."""
    try:
        return put_values(_text(way, 0), way.held)
    except Unspliceable as error:
        (_, name, _, key), *_ = way.held
        what = f"its {key} takes two updates, and the template's text cannot be cut into such steps"
        next_step = "change it by itself, in two deployments: off, and then as it is to be"
        raise Stopped(where=f"{way.ends.where}/{name}", what=what, next_step=next_step) from error


def _unspliceable(way: _Way, name: str) -> Stopped:
    what = f"{_because(way.operations[0])}, and the template's text cannot be cut into such steps"
    return Stopped(where=f"{way.ends.where}/{name}", what=what, next_step="change one at a time in the template")


def _check(way: _Way, name: str, lists: Mapping[str, ListEdit]) -> None:
    """Raise Stopped unless every item that comes from the deployed template can be sent again as it shows there."""
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
