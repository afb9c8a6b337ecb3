"""A template's resource as IAM sees it: its type, and the physical name that its ARN is made of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.assembly.bound import Bound
from builder.policy.records import ANY, Setting
from builder.resource_types.by_hand import ARN_FORMATS
from builder.resource_types.schemas import name_property

# What CloudFormation adds to a name that it makes up, after a hyphen. Where the whole would be too long, stack name and
# logical id get half of the rest each; AWS documents neither, so less than the half is relied on.
_TAIL = 12
_SURE = 20
# How many characters a service takes for a name; the least of them for any other.
_SHORTEST = 63
_CHARACTERS = {"dynamodb": 255, "iam": 64, "lambda": 64, "logs": 512}


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of one stack."""

    bound: Bound
    logical_id: str
    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        """Its type, `AWS::S3::Bucket`."""
        return str(self.body.get("Type"))

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties, none if it has none."""
        found = self.body.get("Properties")
        return found if isinstance(found, dict) else {}

    @property
    def region(self) -> str:
        """The region of its stack."""
        return self.bound.entry.region

    def text(self, name: str) -> str | None:
        """Return a property as text, or None where that can't be known."""
        return self.bound.text(self.properties.get(name))

    def says(self, name: str) -> bool:
        """Return whether a property of this name is set, at any depth."""
        return any(key == name for key, _ in _entries(self.properties))

    def entries(self) -> Iterator[tuple[str, object]]:
        """Yield every value within the properties with the name it is set by; intrinsics as they are written."""
        return _entries(self.properties)


def each_resource(bounds: tuple[Bound, ...]) -> Iterator[Resource]:
    """Yield every resource of every stack."""
    for bound in bounds:
        for logical_id, body in bound.resources():
            yield Resource(bound, logical_id, body)


def each_nested(bounds: tuple[Bound, ...]) -> Iterator[Resource]:
    """Yield every nested stack that a template names."""
    return (one for one in each_resource(bounds) if one.type == "AWS::CloudFormation::Stack")


def physical_name(resource: Resource, setting: Setting) -> str:
    """Return a resource's name, or a pattern of what CloudFormation makes up where the template says none."""
    service = ARN_FORMATS[resource.type].service
    if name_property(resource.type) in resource.properties or "BucketNamePrefix" in resource.properties:
        return setting.fill(resource.bound.name_of(resource.body) or ANY)
    stack = setting.fill(resource.bound.entry.name)
    made_up = f"{stack}-{resource.logical_id}-"
    if len(made_up) + _TAIL > _CHARACTERS.get(service, _SHORTEST):
        # What a template completes may be of any length.
        made_up = stack.partition("${")[0][:_SURE]
    return f"{made_up.lower() if service == 's3' else made_up}{ANY}"


def _entries(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    if name:
        yield name, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _entries(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _entries(item, name)
