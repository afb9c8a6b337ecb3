"""References by name between templates: needs, and the completeness of a replication.

Names are computed and not passed as values, so CloudFormation does not see these references.
"""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.assembly.bound import Bound
from builder.assembly.finding import Finding, finding
from builder.assembly.manifest import Manifest
from builder.assembly.uses import CreatedResource, Use, Way, created, find_needs, find_uses, names
from builder.graph import as_circle
from builder.resource_types import BUCKET, ROLE, ROLE_POLICIES
from builder.template import TemplatePath, as_list, at
from builder.terms import StackId

_OURS = frozenset({Way.EXPORT, Way.SSM_VALUE, Way.OUTPUT})
"""What stacks usually create for each other; secrets, key pairs and macros mostly exist before any of them."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """A bucket's replication to another bucket."""

    configuration: TemplatePath
    index: int
    destination: str
    """The other bucket's ARN."""
    role: object


def check_references(manifest: Manifest, bounds: Sequence[Bound]) -> Iterator[Finding]:
    """Yield needs without an order, uses of what no stack creates, and replications without a destination."""
    yield from _orders(manifest, bounds)
    things = [thing for bound in bounds for thing in created(bound)]
    for bound in bounds:
        yield from _replications(bound, things)


def object_copies(bounds: Sequence[Bound]) -> Iterator[tuple[StackId, StackId]]:
    """Yield the stack of each bucket that replicates, with the stack of each bucket it replicates to."""
    things = [thing for bound in bounds for thing in created(bound)]
    for bound in bounds:
        for rule in _replication_rules(bound):
            yield from ((bound.entry.id, thing.stack) for thing in _buckets(rule.destination, things, bound))


def _orders(manifest: Manifest, bounds: Sequence[Bound]) -> Iterator[Finding]:
    """Yield needs without an order of creation, and uses of what no stack creates."""
    by_id = {bound.entry.id: bound for bound in bounds}
    uses = find_uses(bounds)
    needs = find_needs(manifest, uses)
    for circle in needs.circles:
        use = next(use for use in uses if use.stack in circle and {made.stack for made in use.makers} & set(circle))
        what = f"stacks take values of each other in a circle: {as_circle(circle)}"
        yield finding("X010", by_id[use.stack].place(*use.path), what)
    for use in needs.undecided:
        maker = use.makers[0].stack
        what = f"{use.stack} uses {use.name}, which {maker} creates, and {maker} names what {use.stack} creates: "
        yield finding("X010", by_id[use.stack].place(*use.path), f"{what}say in `needs` which comes first")
    for use in uses:
        if not use.makers and use.way in _OURS and not _is_kept(use) and not _is_waived(by_id[use.stack]):
            what = f"{use.stack} takes the {use.way} {use.name}, which no stack of the assembly makes"
            yield finding("X010", by_id[use.stack].place(*use.path), what)


def _is_kept(use: Use) -> bool:
    """Return whether AWS itself has it, or CDK's bootstrap, without which planning stops.

    Sources: https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html and
    https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
    """
    return use.name.startswith(("/aws/", "/cdk-bootstrap/"))


def _is_waived(bound: Bound) -> bool:
    return "X010" in as_list(at(bound.template.data, "Metadata", "cfn-lint", "config", "ignore_checks"))


def _replications(bound: Bound, created: Sequence[CreatedResource]) -> Iterator[Finding]:
    for rule in _replication_rules(bound):
        path = (*rule.configuration, "Rules", rule.index, "Destination", "Bucket")
        yield from _destination(bound, path, rule.destination, created)
        yield from _role(bound, (*rule.configuration, "Role"), rule.role, rule.destination)


def _replication_rules(bound: Bound) -> Iterator[_Rule]:
    """Yield each rule that is in force and has a known destination in this account."""
    for name, body in bound.resources(BUCKET):
        where: TemplatePath = ("Resources", name, "Properties", "ReplicationConfiguration")
        for index, rule in enumerate(as_list(at(body, *where[2:], "Rules"))):
            destination = at(rule, "Destination")
            # Another account's bucket is another assembly's.
            if at(destination, "Account") is not None or at(rule, "Status") == "Disabled":
                continue
            arn = bound.text(at(destination, "Bucket"))
            if arn is not None:
                yield _Rule(where, index, arn, at(body, *where[2:], "Role"))


def _destination(bound: Bound, path: TemplatePath, arn: str, created: Sequence[CreatedResource]) -> Iterator[Finding]:
    buckets = _buckets(arn, created, bound)
    if not buckets:
        yield finding("X007", bound.place(*path), f"replicates to {arn}, which no template creates")
    for thing in buckets:
        status = thing.bound.text(at(thing.body, "Properties", "VersioningConfiguration", "Status"))
        versioning = at(thing.body, "Properties", "VersioningConfiguration")
        if status not in {None, "Enabled"} or versioning is None:
            yield finding(
                "X008", bound.place(*path), f"replicates to {thing.name}, which {thing.stack} creates without versions"
            )


def _buckets(arn: str, created: Sequence[CreatedResource], bound: Bound) -> list[CreatedResource]:
    return [thing for thing in created if thing.form.service == "s3" and names(arn, thing, bound)]


def _role(bound: Bound, path: TemplatePath, role: object, arn: str) -> Iterator[Finding]:
    match role:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            body = dict(bound.resources(ROLE)).get(name)
            if not _may_write(bound, body, arn):
                yield finding("X009", bound.place(*path), f"role {name} may not s3:ReplicateObject on {arn}/*")


def _may_write(bound: Bound, role: Mapping[str, object] | None, arn: str) -> bool:
    """Return False only if a role certainly may not write to a bucket: policies outside of the role may allow it."""
    documents = [at(policy, "PolicyDocument", "Statement") for policy in as_list(at(role, "Properties", "Policies"))]
    statements = [statement for document in documents for statement in as_list(document)]
    attached = [*as_list(at(role, "Properties", "ManagedPolicyArns")), *bound.resources(*ROLE_POLICIES)]
    # A statement that an Fn::If chooses has none of these keys.
    if (
        role is None
        or attached
        or None in documents
        or any(at(statement, "Action") is None for statement in statements)
    ):
        return True
    allowed = [
        bound.text(resource)
        for statement in statements
        if at(statement, "Effect") == "Allow"
        and any(
            fnmatch.fnmatchcase("s3:replicateobject", str(action).lower())
            for action in as_list(at(statement, "Action"))
        )
        for resource in as_list(at(statement, "Resource"))
    ]
    return None in allowed or any(fnmatch.fnmatchcase(f"{arn}/object", str(resource)) for resource in allowed)
