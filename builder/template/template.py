"""A template as data: its sections, its outputs, its values bound, and where its nested templates lie; pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from builder.errors import BadInput, Stopped
from builder.graph import as_circle, find_circle
from builder.template.bind import Binding, as_list
from builder.template.text import parse_template

_INSPECT = "aws cloudformation get-template    shows it"
# AWS's own transforms, by what they add to a template; any other may add anything.
_ADD_NO_STACK = frozenset({"AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"})
# These put a function that rotates a secret into a nested stack, and renew it with updates.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-secretsmanager.html
_ADD_NO_OUTPUT = _ADD_NO_STACK | {"AWS::SecretsManager-2020-07-23", "AWS::SecretsManager-2024-09-16"}


@dataclass(frozen=True, slots=True)
class DeclaredOutputs:
    """What a template puts out."""

    by_name: Mapping[str, object]
    """Name to body, those of an Fn::ForEach too."""
    complete: bool
    """False where only a deployment can tell all names: a macro makes some, or a list that is not known."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template, functions in their long forms; a section that is not there, or is none, is empty."""

    data: Mapping[str, Any] = field(default_factory=dict)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section as it is written."""
        listed = self.data.get(name)
        return listed if isinstance(listed, Mapping) else {}

    def resources(self, *types: str) -> dict[str, Mapping[str, Any]]:
        """Return the resources of these types by logical id, of all where none is said; what is none is left out."""
        resources = _bodies(self.section("Resources"))
        return {name: body for name, body in resources.items() if body.get("Type") in types} if types else resources

    def resource(self, name: str) -> Mapping[str, Any]:
        """Return a resource by its logical id; empty if there is none."""
        body = self.section("Resources").get(name)
        return body if isinstance(body, Mapping) else {}

    @property
    def parameters(self) -> dict[str, Mapping[str, Any]]:
        """The parameters as they are declared, by name."""
        return _bodies(self.section("Parameters"))

    @property
    def conditions(self) -> Mapping[str, Any]:
        """The conditions by name."""
        return self.section("Conditions")

    def default(self, name: str) -> str | None:
        """Return the default of a parameter, as DescribeStacks shows it; None if it has none."""
        body = self.section("Parameters").get(name)
        default = body.get("Default") if isinstance(body, Mapping) else None
        return None if default is None else str(default).lower() if isinstance(default, bool) else str(default)

    @property
    def defaults(self) -> dict[str, str]:
        """The default of each parameter that has one."""
        defaults = ((name, self.default(name)) for name in self.section("Parameters"))
        return {str(name): value for name, value in defaults if value is not None}

    @property
    def no_echo(self) -> frozenset[str]:
        """The parameters whose values AWS shows to nobody.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
        """
        values = {name: str(body.get("NoEcho", "")).lower() for name, body in self.parameters.items()}
        return frozenset(name for name, value in values.items() if value == "true")

    @property
    def from_ssm(self) -> tuple[str, ...]:
        """The parameters whose values each change set fetches anew from SSM.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
        """
        types = {name: str(body.get("Type")) for name, body in self.parameters.items()}
        return tuple(name for name, type_name in types.items() if type_name.startswith("AWS::SSM::Parameter::Value<"))

    @property
    def transforms(self) -> tuple[Any, ...]:
        """The transforms of the whole template, each a name or a call with parameters."""
        return tuple(as_list(self.data.get("Transform")))

    @property
    def adds_no_stack(self) -> bool:
        """Whether its transforms add no nested stack to those that it names itself."""
        return self._has_only(_ADD_NO_STACK)

    def _has_only(self, transforms: Collection[str]) -> bool:
        return all(isinstance(name, str) and name in transforms for name in self.transforms)

    def calls(self, function: str) -> bool:
        """Return whether a function, such as Fn::Transform, is called anywhere."""
        return _calls(self.data, function)

    def outputs(self, values: Mapping[str, str]) -> DeclaredOutputs:
        """Return what it puts out, every Fn::ForEach done; `values` are those of its parameters, as far as known.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach-example-outputs.html
        """
        outputs = dict(_each(self.section("Outputs"), values))
        by_name = {name: body for name, body in outputs.items() if name is not None}
        return DeclaredOutputs(by_name, complete=self._has_only(_ADD_NO_OUTPUT) and None not in outputs)

    def bind(self, values: Mapping[str, str | None]) -> Binding:
        """Return it with values put in for its parameters, and for those pseudo parameters that are given.

        A parameter that is not given has its default; one that is given as None is not known.
        """
        known: dict[str, str | None] = {**self.defaults, **values}
        return Binding(self.conditions, self.section("Mappings"), lambda name, of: None if of else known.get(name))


def properties_of(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a resource's properties; none if it has none."""
    listed = resource.get("Properties")
    return listed if isinstance(listed, Mapping) else {}


def read_template(text: object, where: str = "template") -> Template:
    """Return a template, read from bytes or a text, or from what botocore reads a JSON template to.

    Raises BadInput for what is no template, and for conditions that need each other in a circle, which AWS refuses.
    """
    try:
        if isinstance(text, Mapping):
            return _checked(Template(text))
        return _read(text if isinstance(text, bytes) else str(text))
    except BadInput as error:
        raise BadInput(where=where, what=error.what) from error


@lru_cache(maxsize=256)
def _read(text: bytes | str) -> Template:
    # A plan asks of each stack's template a dozen times what it holds, and nothing changes what was read.
    return _checked(Template(parse_template(text, "template")))


def _checked(template: Template) -> Template:
    circle = find_circle({name: tuple(_conditions_in(body)) for name, body in template.conditions.items()})
    if circle:
        raise BadInput(where="template", what=f"has conditions that go in a circle: {as_circle(circle)}")
    return template


def _conditions_in(condition: object) -> Iterator[str]:
    """Yield the other conditions that one is made of."""
    match condition:
        case str(name) | {"Condition": str(name)}:
            yield name
        case {"Fn::Not": list(parts)} | {"Fn::And": list(parts)} | {"Fn::Or": list(parts)}:
            for part in parts:
                yield from _conditions_in(part)


def read_deployed(template: object, where: str, next_step: str = _INSPECT) -> Template:
    """Return a deployed template, `where` being its stack.

    Raises Stopped for one that cannot be read: nothing is known of what it holds, which is not that it holds nothing.
    """
    try:
        return read_template(template, where)
    except BadInput as error:
        what = f"the deployed template cannot be read, so nobody can tell what is in it: it {error.what}"
        raise Stopped(where=where, what=what, next_step=next_step) from error


def _bodies(section: Mapping[Any, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(name): body for name, body in section.items() if isinstance(body, Mapping)}


def _calls(value: object, function: str) -> bool:
    match value:
        case Mapping():
            return function in value or any(_calls(inner, function) for inner in value.values())
        case list():
            return any(_calls(inner, function) for inner in value)
    return False


def _each(listed: Mapping[Any, object], values: Mapping[str, str]) -> Iterator[tuple[str | None, object]]:
    """Yield name and body; the name None stands for any that cannot be known."""
    for key, body in listed.items():
        if not str(key).startswith("Fn::"):
            yield str(key), body
            continue
        match body:
            case [str(identifier), collection, Mapping() as fragment] if str(key).startswith("Fn::ForEach::"):
                items = _items(collection, values)
                for item in items or ():
                    yield from _each(_filled(fragment, identifier, item), values)
                if items is not None:
                    continue
        yield None, body


def _items(collection: object, values: Mapping[str, str]) -> list[str] | None:
    match collection:
        case {"Ref": str(name)}:
            text = values.get(name)
            return None if text is None else [part.strip() for part in text.split(",")]
        case list():
            items = [
                values.get(item["Ref"]) if isinstance(item, Mapping) and "Ref" in item else item for item in collection
            ]
            return [str(item) for item in items] if all(isinstance(item, str | int) for item in items) else None
    return None


def _filled(value: Any, identifier: str, item: str) -> Any:  # noqa: ANN401 - JSON
    """Return a fragment with an item in the place of the identifier; after `&` with letters and digits alone."""
    match value:
        case str():
            bare = re.sub("[^A-Za-z0-9]", "", item)
            return value.replace(f"${{{identifier}}}", item).replace(f"&{{{identifier}}}", bare)
        case Mapping():
            return {
                _filled(str(name), identifier, item): _filled(inner, identifier, item) for name, inner in value.items()
            }
        case list():
            return [_filled(inner, identifier, item) for inner in value]
    return value


_VIRTUAL = re.compile(r"(?P<bucket>.+)\.s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")
_PATH_STYLE = re.compile(r"s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")


@dataclass(frozen=True, slots=True)
class S3Location:
    """Where a template lies in S3."""

    bucket: str
    key: str
    version: str | None = None


def find_object(url: str, endpoint: str = "") -> S3Location | None:
    """Return where in S3 a TemplateURL leads; None for anything else.

    `endpoint` is where our own client finds S3, which is none of AWS's host names for an embedded AWS.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    _, netloc, rest, query, _ = urlsplit(url)
    host, path = netloc.partition(":")[0], unquote(rest.lstrip("/"))
    version = parse_qs(query).get("versionId", [None])[0]
    is_own = bool(endpoint) and netloc == urlsplit(endpoint).netloc
    if is_own or _PATH_STYLE.match(host):
        bucket, _, key = path.partition("/")
        return S3Location(bucket, key, version) if bucket and key else None
    if (match := _VIRTUAL.match(host)) and path:
        return S3Location(match["bucket"], path, version)
    return None
