"""A template as one stack deploys it: with parameters, and names computed as far as they are known before a deployment.

The environment suffix, the account and the partition stay as they are written, `${EnvironmentSuffix}`,
`${AWS::AccountId}`, `${AWS::Partition}`: they are the same wherever a name is computed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder.assembly.manifest import ByEnvironment, Manifest, NeutralValue, StackEntry
from builder.resource_types import TAKEN_IN
from builder.resource_types.facts import ARN_FORMATS, name_property
from builder.template import Binding, DeclaredOutputs, Template, at, properties_of, read_template
from builder.terms import Region, Site, StackId

_KEPT = ("AWS::AccountId", "AWS::Partition", "AWS::URLSuffix")


@dataclass(frozen=True, slots=True)
class Bound:
    """One stack's template; every result is None if it is unknown."""

    entry: StackEntry
    file: str
    template: Template

    @property
    def site(self) -> Site:
        """Where its stack is or will be."""
        return Site(self.entry.account, self.entry.region)

    @property
    def binding(self) -> Binding:
        """Its values, with the names and ARNs of its own resources."""
        return Binding(self.template.conditions, self.template.section("Mappings"), self._find)

    def resources(self, *types: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield logical id and body of every resource of these types, without types of all."""
        yield from self.template.resources(*types).items()

    def made(self, bodies: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield those resources or outputs, without what a condition certainly excludes."""
        for name, body in bodies.items():
            condition = at(body, "Condition")
            if condition is None or self.binding.truth(condition) is not False:
                yield name, body

    def outputs(self) -> DeclaredOutputs:
        """Return its outputs."""
        known = ((name, self._find(name, "")) for name in self.template.section("Parameters"))
        return self.template.outputs({name: value for name, value in known if value is not None})

    def text(self, value: object) -> str | None:
        """Return a value as text, references resolved."""
        return self.binding.text(value)

    def given(self, parameter: str) -> str | None:
        """Return a parameter's value, or its default if it has none."""
        given = self.entry.parameters.get(parameter)
        if given is None:
            return self.template.default(parameter)
        return given if isinstance(given, str) else None

    def name_of(self, body: Mapping[str, Any]) -> str | None:
        """Return a resource's physical name, if the template states it."""
        type_name, properties = str(body.get("Type")), properties_of(body)
        if type_name not in ARN_FORMATS:
            return None
        if ARN_FORMATS[type_name].service == "s3" and "BucketNamePrefix" in properties:
            # S3 completes it with the account, the region and its own ending:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
            prefix = self.text(properties["BucketNamePrefix"])
            return prefix and f"{prefix}-${{AWS::AccountId}}-{self.entry.region}-an"
        return self.text(properties.get(name_property(type_name)))

    def place(self, *path: str | int) -> tuple[str, int, int]:
        """Return file, line and column of a path, or of the last part of it that exists."""
        value: object = self.template.data
        line, column = 1, 1
        for step in path:
            mark = next((key for key in value if key == step), None) if isinstance(value, dict) else None
            value = at(value, step)
            start = getattr(mark if mark is not None else value, "start_mark", None)
            if value is None or start is None:
                break
            line, column = start.line + 1, start.column + 1
        return self.file, line, column

    def _find(self, name: str, attribute: str) -> str | None:
        if attribute:
            return self._arn(name) if attribute == "Arn" else None
        if name in _KEPT:
            return f"${{{name}}}"
        if name == "AWS::Region":
            return self.entry.region
        if name == "AWS::StackName":
            return self.entry.name
        if name in self.template.section("Parameters"):
            # For a value in SSM only the parameter's name is known.
            return None if name in self.template.from_ssm else self.given(name)
        return self.name_of(self.template.resource(name))

    def _arn(self, name: str) -> str | None:
        body = self.template.resource(name)
        physical, form = self.name_of(body), ARN_FORMATS.get(str(body.get("Type")))
        if physical is None or form is None:
            return None
        where = "::" if form.service == "s3" else f"{self.entry.region}:${{AWS::AccountId}}:"
        # The ARN of a log group ends as policies need it, with all of its streams:
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html
        tail = ":*" if form.service == "logs" else ""
        return f"arn:${{AWS::Partition}}:{form.service}:{where}{form.resource.format(physical)}{tail}"


def bind_entries(manifest: Manifest, templates: Mapping[str, bytes]) -> tuple[Bound, ...]:
    """Return every stack of an assembly with its template. Raises BadInput for a file that is no template."""
    return tuple(
        Bound(entry, entry.template, read_template(templates[entry.template], entry.template))
        for entry in manifest.stacks
    )


def bind_stack(template: Template, name: str, region: Region, parameters: Mapping[str, NeutralValue]) -> Bound:
    """Return a template as a stack of this name deploys it; no manifest is needed."""
    entry = StackEntry(id=StackId(name), region=region, name=name, template="", sha256="", parameters=parameters)
    return Bound(entry, "", template)


def faults_of_existing(bound: Bound) -> Iterator[str]:
    """Yield why a resource that a stack lists as existing cannot be imported, its stack first.

    CloudFormation finds it by its name, which has to be known as soon as environment, account and region are.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
    """
    entry = bound.entry
    parameters = {
        name: next(iter(value.environments.values()), "") if isinstance(value, ByEnvironment) else value
        for name, value in entry.parameters.items()
    }
    known = replace(bound, entry=replace(entry, parameters=parameters))
    made = dict(bound.made(bound.template.resources()))
    for name in entry.existing:
        if name not in made:
            yield f"{entry.id}: existing: {entry.template} makes no {name}"
        elif (type_name := str(made[name].get("Type"))) not in TAKEN_IN:
            types = " and ".join(TAKEN_IN)
            yield f"{entry.id}: existing: {name} is of type {type_name}: what can be taken in is of {types}"
        elif known.name_of(made[name]) is None:
            what = f"{name_property(type_name)} of {name} has to be known beforehand"
            yield f"{entry.id}: existing: {what}, of environment, account and region alone"
