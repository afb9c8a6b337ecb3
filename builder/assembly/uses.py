"""What stacks of an assembly use of each other, from their templates: exports, SSM parameters, names; pure.

Needs that nobody has to type follow from it. A use only orders two executions, or also forces a change set to be
created later: CloudFormation reads some things while it creates a change set.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from builder.assembly.bound import Bound, bind_entries
from builder.assembly.manifest import Manifest
from builder.errors import BadInput
from builder.graph import as_circle, closure, strongly_connected
from builder.resource_types import ALARM, MACRO, NESTED_STACK, SECRET, SSM_PARAMETER
from builder.resource_types.facts import ARN_FORMATS, PARAMETER_TYPES, ArnFormat, name_property
from builder.template import PLACEHOLDER, TemplatePath, at, properties_of
from builder.terms import Region, Site, StackId

# Partition, service, region, account, resource; a part may be a pseudo parameter, which has colons of its own.
_PART = rf"(?:{PLACEHOLDER}|[^:])*"
_ARN = re.compile(rf"arn:{_PART}:(?P<service>{_PART}):(?P<region>{_PART}):{_PART}:(?P<resource>.*)", re.DOTALL)
_RESOLVE = re.compile(rf"\{{\{{resolve:(?P<service>ssm|ssm-secure|secretsmanager):(?P<name>(?:{PLACEHOLDER}|[^:}}])+)")
_BUCKET_URL = re.compile(r"https://(?:(?P<host>.+?)\.)?s3[.-][^/]*/(?P<path>[^/]+)|s3://(?P<plain>[^/]+)")
NAMED = frozenset({SSM_PARAMETER, SECRET, MACRO, *PARAMETER_TYPES.values()})
"""The types besides those of `ARN_FORMATS` that are referred to by name."""


class Way(StrEnum):
    """How one stack uses something of another; the value is the word for it."""

    EXPORT = "export"
    SSM_VALUE = "SSM parameter"
    NAME_TYPE = "name"
    MACRO = "macro"
    TEMPLATE = "bucket of templates"
    OUTPUT = "output"
    RESOLVED = "dynamic reference"
    NAMED = "resource"


@dataclass(frozen=True, slots=True)
class Maker:
    """Something that a stack creates, by its logical id or by the name of its output."""

    stack: StackId
    logical_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One thing that a stack uses, and its makers: none, one stack, or several that agree on its name."""

    stack: StackId
    way: Way
    name: str
    """Its name, with placeholders for the environment's suffix and the account."""
    makers: tuple[Maker, ...]
    path: TemplatePath
    """Where the stack's template uses it."""
    parameter: str = ""
    """The stack's parameter with its name."""


@dataclass(frozen=True, slots=True)
class CreatedResource:
    """A resource with a physical name, in the stack that creates it."""

    bound: Bound
    logical_id: str
    body: Mapping[str, object]
    form: ArnFormat
    name: str

    @property
    def stack(self) -> StackId:
        """The stack that creates it."""
        return self.bound.entry.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The needs of every stack of an assembly."""

    of: Mapping[StackId, tuple[StackId, ...]]
    """Those in the manifest, then those from the templates."""
    circles: tuple[tuple[StackId, ...], ...] = ()
    """Stacks that take values of each other, each the next one's: they have no order of creation."""
    undecided: tuple[Use, ...] = ()
    """Names by which two stacks refer to each other, without anything that puts one of them first."""


def created(bound: Bound) -> Iterator[CreatedResource]:
    """Yield every resource of a stack whose physical name is known."""
    for name, body in bound.made(bound.template.resources(*ARN_FORMATS)):
        physical = bound.name_of(body)
        if physical is not None:
            yield CreatedResource(bound, name, body, ARN_FORMATS[str(body["Type"])], physical)


def names(text: str, thing: CreatedResource, bound: Bound) -> bool:
    """Return whether a text of a stack names a thing, by its name or by its ARN, if this stack could mean it."""
    arn = _ARN.fullmatch(text)
    if arn is None:
        # A plain word may be anything; a computed name is a name.
        return text == thing.name and "${" in text and _in_reach(thing, bound.entry.region)
    if arn["service"] != thing.form.service or not _in_reach(thing, arn["region"]):
        return False
    resource = thing.form.resource.format(thing.name)
    return arn["resource"] == resource or arn["resource"].startswith((f"{resource}/", f"{resource}:"))


def _in_reach(thing: CreatedResource, region: str) -> bool:
    return thing.form.is_global or region in {"", "*", thing.bound.entry.region}


def find_uses(bounds: Sequence[Bound]) -> tuple[Use, ...]:
    """Return what each stack uses, each thing once: also what no stack of the assembly creates."""
    made = _Made(bounds)
    by_key: dict[tuple[StackId, Way, str, str], Use] = {}
    for use in (use for bound in bounds for use in _uses(bound, made)):
        by_key.setdefault((use.stack, use.way, use.name, use.parameter), use)
    return tuple(by_key.values())


def read_needs(manifest: Manifest, templates: Mapping[str, bytes]) -> Needs:
    """Return what the stacks of an assembly need, also by what their templates use of each other.

    Raises BadInput for a broken template.
    """
    return find_needs(manifest, find_uses(bind_entries(manifest, templates)))


class _Made:
    """What the stacks of an assembly create for others, by kind, place and name."""

    def __init__(self, bounds: Sequence[Bound]) -> None:
        self._by_key: dict[tuple[object, ...], list[Maker]] = {}
        self._things: dict[tuple[str, str], list[CreatedResource]] = {}
        for bound in bounds:
            self._add(("stack", bound.entry.region, bound.entry.name), Maker(bound.entry.id, ""))
            for name, body in bound.made(bound.outputs().by_name):
                if text := bound.text(at(body, "Export", "Name")):
                    self._add((Way.EXPORT, _site(bound), text), Maker(bound.entry.id, name))
            for logical_id, body in bound.made(bound.template.resources(*NAMED)):
                type_name = str(body["Type"])
                if text := bound.text(properties_of(body).get(name_property(type_name))):
                    self._add((type_name, _site(bound), text), Maker(bound.entry.id, logical_id))
            for thing in created(bound):
                self._things.setdefault(("", thing.name), []).append(thing)
                resource = thing.form.resource.format(thing.name)
                self._things.setdefault((thing.form.service, resource), []).append(thing)

    def _add(self, key: tuple[object, ...], made: Maker) -> None:
        self._by_key.setdefault(key, []).append(made)

    def makers(self, *key: object) -> tuple[Maker, ...]:
        """Return the makers of something by kind, place and name."""
        return tuple(self._by_key.get(key, ()))

    def named(self, text: str, bound: Bound) -> Iterator[CreatedResource]:
        """Yield the resources that a text names; only resources that it may mean are compared."""
        arn = _ARN.fullmatch(text)
        keys = [("", text)]
        if arn is not None:
            ends = [match.start() for match in re.finditer("[/:]", arn["resource"])]
            keys = [(arn["service"], arn["resource"][:end]) for end in (*ends, len(arn["resource"]))]
        yield from (thing for key in keys for thing in self._things.get(key, ()) if names(text, thing, bound))


def _site(bound: Bound) -> Site:
    return Site(bound.entry.account, bound.entry.region)


def _uses(bound: Bound, made: _Made) -> Iterator[Use]:
    yield from _of_parameters(bound, made)
    yield from _of_transforms(bound, made)
    sections = {"Resources": bound.template.resources(), "Outputs": bound.template.section("Outputs")}
    for section, bodies in sections.items():
        for path, text in bound.binding.texts(dict(bound.made(bodies)), (section,)):
            yield from _of_text(bound, made, path, text)


def _use(bound: Bound, way: Way, name: str, makers: tuple[Maker, ...], path: TemplatePath) -> Use:
    return Use(stack=bound.entry.id, way=way, name=name, makers=makers, path=path)


def _of_parameters(bound: Bound, made: _Made) -> Iterator[Use]:
    for parameter, declared in bound.template.parameters.items():
        kind, value = str(declared.get("Type")), bound.given(parameter)
        if value is None:
            continue
        path = ("Parameters", parameter)
        if parameter in bound.template.from_ssm:
            name = re.sub(r":\d+$", "", value)
            use = _use(bound, Way.SSM_VALUE, name, made.makers(SSM_PARAMETER, _site(bound), name), path)
            yield replace(use, parameter=parameter)
        elif type_name := PARAMETER_TYPES.get(kind.removeprefix("List<").removesuffix(">")):
            for name in value.split(","):
                use = _use(bound, Way.NAME_TYPE, name, made.makers(type_name, _site(bound), name), path)
                yield replace(use, parameter=parameter)


def _of_transforms(bound: Bound, made: _Made) -> Iterator[Use]:
    for transform in bound.template.transforms:
        name = transform.get("Name") if isinstance(transform, dict) else transform
        if isinstance(name, str) and not name.startswith("AWS::"):
            yield _use(bound, Way.MACRO, name, made.makers(MACRO, _site(bound), name), ("Transform",))


def _of_text(bound: Bound, made: _Made, path: TemplatePath, text: str) -> Iterator[Use]:
    site = _site(bound)
    match path:
        case (*_, "Fn::ImportValue"):
            yield _use(bound, Way.EXPORT, text, made.makers(Way.EXPORT, site, text), path)
            return
        case (*_, "Fn::Transform", "Name"):
            if not text.startswith("AWS::"):
                yield _use(bound, Way.MACRO, text, made.makers(MACRO, site, text), path)
            return
        case (*_, "Fn::GetStackOutput", "StackName"):
            yield from _of_output(bound, made, path, text)
            return
        case ("Resources", str(name), "Properties", "TemplateURL") if _is_nested(bound, name):
            yield from _of_bucket(bound, made, path, text)
            return
        case (*_, "Fn::Transform", "Parameters", "Location"):
            yield from _of_bucket(bound, made, path, text)
            return
    for reference in _RESOLVE.finditer(text):
        kind = SECRET if reference["service"] == "secretsmanager" else SSM_PARAMETER
        yield _use(bound, Way.RESOLVED, reference["name"], made.makers(kind, site, reference["name"]), path)
    if path[0] == "Resources" and len(path) > 2 and path[2] == "Properties" and not _is_watched(bound, path):
        makers = tuple(Maker(thing.stack, thing.logical_id) for thing in made.named(text, bound))
        if makers and bound.entry.id not in {maker.stack for maker in makers}:
            thing = next(made.named(text, bound))
            yield _use(bound, Way.NAMED, thing.name, makers, path)


def _of_output(bound: Bound, made: _Made, path: TemplatePath, stack: str) -> Iterator[Use]:
    """Yield the uses of Fn::GetStackOutput, also of other regions."""
    call = path[:-1]
    region = bound.text(at(bound.template.data, *call, "Region")) or bound.entry.region
    output = bound.text(at(bound.template.data, *call, "OutputName")) or ""
    makers = tuple(Maker(maker.stack, output) for maker in made.makers("stack", Region(region), stack))
    yield _use(bound, Way.OUTPUT, f"{stack}.{output} in {region}", makers, path)


def _of_bucket(bound: Bound, made: _Made, path: TemplatePath, url: str) -> Iterator[Use]:
    match = _BUCKET_URL.match(url)
    if match is None:
        return
    bucket = match["plain"] or match["host"] or match["path"]
    arn = f"arn:${{AWS::Partition}}:s3:::{bucket}"
    makers = tuple(Maker(thing.stack, thing.logical_id) for thing in made.named(arn, bound))
    if makers:
        yield _use(bound, Way.TEMPLATE, bucket, makers, path)


def _is_watched(bound: Bound, path: TemplatePath) -> bool:
    """Return whether a path only names what an alarm watches, which need not exist, or be reachable."""
    return "Dimensions" in path and bound.template.resource(str(path[1])).get("Type") == ALARM


def _is_nested(bound: Bound, name: str) -> bool:
    return bound.template.resource(name).get("Type") == NESTED_STACK


# -- needs -------------------------------------------------------------------------------------------------------------


def find_needs(manifest: Manifest, uses: Sequence[Use]) -> Needs:
    """Return the manifest's needs with those that uses add.

    A use of a value orders its two stacks. A name does only if nothing orders them the other way round: an IAM policy
    may name what is created later.
    """
    order = {entry.id: number for number, entry in enumerate(manifest.stacks)}
    typed = {entry.id: entry.needs for entry in manifest.stacks}
    edges = {stack: set(needs) for stack, needs in typed.items()}
    known = [use for use in uses if use.makers and all(made.stack in order for made in use.makers)]
    for use in known:
        if use.way is not Way.NAMED:
            edges[use.stack] |= {made.stack for made in use.makers} - {use.stack}
    circles = tuple(strongly_connected(edges))
    if circles:
        return Needs(of=typed, circles=circles)
    values = {stack: set(needs) for stack, needs in edges.items()}
    undecided = list(_order_by_names(edges, values, [use for use in known if use.way is Way.NAMED]))
    implied = {stack: closure(typed, stack) for stack in typed}
    return Needs(
        of={
            stack: (*needs, *sorted(edges[stack] - set(needs) - implied[stack], key=lambda need: order[need]))
            for stack, needs in typed.items()
        },
        undecided=tuple(undecided),
    )


def check_order(needs: Needs, where: str, next_step: str = "") -> None:
    """Raise BadInput for stacks that take values of each other in a circle; `where` is their owner."""
    if needs.circles:
        circles = "\n  ".join(as_circle(circle) for circle in needs.circles)
        what = f"stacks take values of each other in a circle, so that none can be the first:\n  {circles}"
        raise BadInput(where=where, what=what, next_step=next_step)


def _order_by_names(
    edges: dict[StackId, set[StackId]], values: Mapping[StackId, set[StackId]], uses: Sequence[Use]
) -> Iterator[Use]:
    """Add an edge for each name that is used in one direction only; yield the uses that leave the order open."""
    both = {stack: set(needs) for stack, needs in edges.items()}
    for use in uses:
        # If one of several makers of a name is needed anyway, it is taken.
        if closure(values, use.stack).isdisjoint(made.stack for made in use.makers):
            both[use.stack] |= {made.stack for made in use.makers}
    back = {stack: closure(both, stack) for stack in both}
    for use in uses:
        makers = {made.stack for made in use.makers}
        if not closure(values, use.stack).isdisjoint(makers):
            continue
        if any(use.stack in back[maker] for maker in makers):
            if not any(use.stack in closure(values, maker) for maker in makers):
                yield use
            continue
        edges[use.stack] |= makers
