"""A template as one stack deploys it: parameters given, names computed as far as they can be before a deployment.

The environment suffix, the account and the partition stay as they are written, `${EnvironmentSuffix}`,
`${AWS::AccountId}`, `${AWS::Partition}`: they are the same wherever a name is computed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builder.assembly.components import OutputOf
from builder.assembly.manifest import StackEntry
from builder.resource_types.by_hand import ARN_FORMATS
from builder.resource_types.schemas import name_property
from builder.template.text import DeclaredOutputs, outputs_of

TemplatePath = tuple[str | int, ...]

_HOLE = re.compile(r"\$\{([^!}][^}]*)\}")
_KEPT = ("AWS::AccountId", "AWS::Partition", "AWS::URLSuffix")


@dataclass(frozen=True, slots=True)
class Bound:
    """One stack's template; every question is answered with None where the answer can't be known."""

    entry: StackEntry
    file: str
    template: Mapping[str, object]

    def resources(self, *types: str) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield logical id and body of every resource of these types, of all where none is said."""
        for name, body in _mapping(self.template.get("Resources")).items():
            if isinstance(body, dict) and (not types or body.get("Type") in types):
                yield name, body

    def section(self, name: str) -> Mapping[str, object]:
        """Return Parameters, Outputs and the like; empty where the template has none."""
        return _mapping(self.template.get(name))

    def outputs(self) -> DeclaredOutputs:
        """Return what it puts out."""
        known = ((name, self.text({"Ref": name})) for name in self.section("Parameters"))
        return outputs_of(self.template, {name: value for name, value in known if value is not None})

    def text(self, value: object) -> str | None:
        """Return a value as text, references resolved."""
        match value:
            case bool():
                return str(value).lower()
            case str() | int() | float():
                return str(value)
            case {"Ref": str(name)}:
                return self._reference(name)
            case {"Fn::GetAtt": [str(name), "Arn"]}:
                return self._arn(name)
            case {"Fn::Sub": str(text)}:
                return self._substitute(text, {})
            case {"Fn::Sub": [str(text), dict(variables)]}:
                return self._substitute(text, variables)
            case {"Fn::Join": [str(separator), list(parts)]}:
                texts = [self.text(part) for part in parts]
                return None if None in texts else separator.join(text for text in texts if text is not None)
            case _:
                return None

    def name_of(self, body: Mapping[str, object]) -> str | None:
        """Return a resource's physical name, where the template says it."""
        type_name = str(body.get("Type"))
        properties = _mapping(body.get("Properties"))
        if type_name not in ARN_FORMATS:
            return None
        if ARN_FORMATS[type_name].service == "s3" and "BucketNamePrefix" in properties:
            # A log group's ends as policies want it, with all of its streams:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
            prefix = self.text(properties["BucketNamePrefix"])
            return prefix and f"{prefix}-${{AWS::AccountId}}-{self.entry.region}-an"
        return self.text(properties.get(name_property(type_name)))

    def place(self, *path: str | int) -> tuple[str, int, int]:
        """Return file, line and column of a path, or of the last part of it that there is."""
        found: object = self.template
        line, column = 1, 1
        for step in path:
            mark = next((key for key in found if key == step), None) if isinstance(found, dict) else None
            found = _below(found, step)
            start = getattr(mark if mark is not None else found, "start_mark", None)
            if found is None or start is None:
                break
            line, column = start.line + 1, start.column + 1
        return self.file, line, column

    def _reference(self, name: str) -> str | None:
        if name in _KEPT:
            return f"${{{name}}}"
        if name == "AWS::Region":
            return self.entry.region
        if name == "AWS::StackName":
            return self.entry.name
        if name in self.section("Parameters"):
            default = _mapping(self.section("Parameters")[name]).get("Default")
            given = self.entry.parameters.get(name, default)
            return None if isinstance(given, OutputOf) else self.text(given)
        return self.name_of(_mapping(self.section("Resources").get(name)))

    def _arn(self, name: str) -> str | None:
        body = _mapping(self.section("Resources").get(name))
        physical, form = self.name_of(body), ARN_FORMATS.get(str(body.get("Type")))
        if physical is None or form is None:
            return None
        where = "::" if form.service == "s3" else f"{self.entry.region}:${{AWS::AccountId}}:"
        # A log group's ends as policies want it, with all of its streams:
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
        tail = ":*" if form.service == "logs" else ""
        return f"arn:${{AWS::Partition}}:{form.service}:{where}{form.resource.format(physical)}{tail}"

    def _substitute(self, text: str, variables: Mapping[str, object]) -> str | None:
        found: dict[str, str | None] = {}
        for name in _HOLE.findall(text):
            resource, _, attribute = name.partition(".")
            value = variables.get(name, {"Fn::GetAtt": [resource, attribute]} if attribute else {"Ref": name})
            found[name] = self.text(value)
        if None in found.values():
            return None
        return _HOLE.sub(lambda match: str(found[match.group(1)]), text)


def _below(value: object, step: str | int) -> object:
    match value:
        case dict():
            return value.get(step)
        case list() if isinstance(step, int) and step < len(value):
            return value[step]
        case _:
            return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
