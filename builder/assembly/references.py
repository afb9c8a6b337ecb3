"""What one template refers to by name and another creates: needs, and the whole of a replication.

Names are computed and not passed, so that CloudFormation sees none of this.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.assembly.bound import KINDS, Bound, Kind, Path
from builder.assembly.finding import Finding, finding
from builder.assembly.manifest import Manifest
from builder.terms import StackId

_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy")
# Partition, service, region, account, resource; a part may be a pseudo-parameter, which has colons of its own.
_PART = r"(?:\$\{[^}]*\}|[^:])*"
_ARN = re.compile(rf"arn:{_PART}:(?P<service>{_PART}):(?P<region>{_PART}):{_PART}:(?P<resource>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Created:
    """A resource with a physical name, in the stack that creates it."""

    bound: Bound
    logical_id: str
    body: Mapping[str, object]
    kind: Kind
    name: str

    @property
    def stack(self) -> StackId:
        return self.bound.entry.id


@dataclass(frozen=True, slots=True)
class _Rule:
    """A bucket's replication to another bucket."""

    configuration: Path
    index: int
    destination: str
    """The other bucket's ARN."""
    role: object


def check_references(manifest: Manifest, bounds: Sequence[Bound]) -> Iterator[Finding]:
    """Yield every need that is not said, and every replication that leads nowhere."""
    created = [thing for bound in bounds for thing in _created(bound)]
    closure = _closure(manifest)
    for bound in bounds:
        yield from _unsaid_needs(bound, created, closure)
        yield from _replications(bound, created)


def object_copies(bounds: Sequence[Bound]) -> Iterator[tuple[StackId, StackId]]:
    """Yield the stack of each bucket that replicates, with the stack of each bucket it replicates to."""
    created = [thing for bound in bounds for thing in _created(bound)]
    for bound in bounds:
        for rule in _replication_rules(bound):
            yield from ((bound.entry.id, thing.stack) for thing in _buckets(rule.destination, created, bound))


def _created(bound: Bound) -> Iterator[_Created]:
    for name, body in bound.resources(*KINDS):
        physical = bound.name_of(body)
        if physical is not None:
            yield _Created(bound, name, body, KINDS[str(body["Type"])], physical)


def _closure(manifest: Manifest) -> dict[StackId, frozenset[StackId]]:
    """Return for each stack all that stands before it is begun."""
    closure: dict[StackId, frozenset[StackId]] = {}
    for stack in manifest.order():
        needs = manifest.entry(stack).needs
        closure[stack] = frozenset(needs).union(*(closure[need] for need in needs))
    return closure


def _unsaid_needs(
    bound: Bound, created: Sequence[_Created], closure: Mapping[StackId, frozenset[StackId]]
) -> Iterator[Finding]:
    """Yield one finding for each stack that is referred to and not needed, at the first reference."""
    own, told = bound.entry.id, set[StackId]()
    for path, text in _texts(bound):
        makers = [thing for thing in created if _names(text, thing, bound)]
        stacks = {thing.stack for thing in makers}
        # A stack that itself needs this one can't be needed: that is a name both agree on, not an order.
        if not stacks or own in stacks or stacks & (closure[own] | told) or any(own in closure[one] for one in stacks):
            continue
        told |= stacks
        thing = makers[0]
        yield finding(
            "X010", bound.place(*path), f"{own} uses {thing.name}, which {thing.stack} creates, but does not need it"
        )


def _names(text: str, thing: _Created, bound: Bound) -> bool:
    """Return whether a text names a thing, by its name or by its ARN, where this stack could mean it."""
    arn = _ARN.fullmatch(text)
    if arn is None:
        # A plain word may be anything; a name that was computed is a name.
        return text == thing.name and "${" in text and _in_reach(thing, bound.entry.region)
    if arn["service"] != thing.kind.service or not _in_reach(thing, arn["region"]):
        return False
    resource = thing.kind.resource.format(thing.name)
    return arn["resource"] == resource or arn["resource"].startswith((f"{resource}/", f"{resource}:"))


def _in_reach(thing: _Created, region: str) -> bool:
    return thing.kind.is_global or region in {"", "*", thing.bound.entry.region}


def _texts(bound: Bound) -> Iterator[tuple[Path, str]]:
    """Yield every text of the resources that can be known, with its place."""
    for name, body in bound.resources():
        yield from _leaves(bound, body.get("Properties"), ("Resources", name, "Properties"))


def _leaves(bound: Bound, value: object, path: Path) -> Iterator[tuple[Path, str]]:
    text = bound.text(value)
    if text is not None:
        yield path, text
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(bound, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(bound, item, (*path, index))


def _replications(bound: Bound, created: Sequence[_Created]) -> Iterator[Finding]:
    for rule in _replication_rules(bound):
        path = (*rule.configuration, "Rules", rule.index, "Destination", "Bucket")
        yield from _destination(bound, path, rule.destination, created)
        yield from _role(bound, (*rule.configuration, "Role"), rule.role, rule.destination)


def _replication_rules(bound: Bound) -> Iterator[_Rule]:
    """Yield each rule that is in force and whose destination, in this account, can be told."""
    for name, body in bound.resources("AWS::S3::Bucket"):
        where: Path = ("Resources", name, "Properties", "ReplicationConfiguration")
        for index, rule in enumerate(_list(_at(body, *where[2:], "Rules"))):
            destination = _at(rule, "Destination")
            # Another account's bucket is another assembly's.
            if _at(destination, "Account") is not None or _at(rule, "Status") == "Disabled":
                continue
            arn = bound.text(_at(destination, "Bucket"))
            if arn is not None:
                yield _Rule(where, index, arn, _at(body, *where[2:], "Role"))


def _destination(bound: Bound, path: Path, arn: str, created: Sequence[_Created]) -> Iterator[Finding]:
    found = _buckets(arn, created, bound)
    if not found:
        yield finding("X007", bound.place(*path), f"replicates to {arn}, which no template creates")
    for thing in found:
        status = thing.bound.text(_at(thing.body, "Properties", "VersioningConfiguration", "Status"))
        said = _at(thing.body, "Properties", "VersioningConfiguration")
        if status not in {None, "Enabled"} or said is None:
            yield finding(
                "X008", bound.place(*path), f"replicates to {thing.name}, which {thing.stack} creates without versions"
            )


def _buckets(arn: str, created: Sequence[_Created], bound: Bound) -> list[_Created]:
    return [thing for thing in created if thing.kind.service == "s3" and _names(arn, thing, bound)]


def _role(bound: Bound, path: Path, role: object, arn: str) -> Iterator[Finding]:
    match role:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            body = dict(bound.resources("AWS::IAM::Role")).get(name)
            if not _may_write(bound, body, arn):
                yield finding("X009", bound.place(*path), f"role {name} may not s3:ReplicateObject on {arn}/*")


def _may_write(bound: Bound, role: Mapping[str, object] | None, arn: str) -> bool:
    """Return False only where a role surely may not write to a bucket; policies of its own aside, nobody can tell."""
    documents = [_at(policy, "PolicyDocument", "Statement") for policy in _list(_at(role, "Properties", "Policies"))]
    statements = [statement for document in documents for statement in _list(document)]
    attached = [*_list(_at(role, "Properties", "ManagedPolicyArns")), *bound.resources(*_POLICIES)]
    # What an Fn::If chooses has none of these keys.
    if role is None or attached or None in documents or any(_at(one, "Action") is None for one in statements):
        return True
    allowed = [
        bound.text(resource)
        for statement in statements
        if _at(statement, "Effect") == "Allow"
        and any(fnmatch.fnmatchcase("s3:replicateobject", str(one).lower()) for one in _list(_at(statement, "Action")))
        for resource in _list(_at(statement, "Resource"))
    ]
    return None in allowed or any(fnmatch.fnmatchcase(f"{arn}/object", str(one)) for one in allowed)


def _at(value: object, *path: str | int) -> object:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _list(value: object) -> list[object]:
    """Return a list's elements; a single value counts as a list of one, as IAM has it."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
