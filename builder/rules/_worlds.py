"""The worlds a template can be deployed into, as far as its conditions tell them apart.

cfn-lint's solver leaves out what can't be: a condition with its own opposite, a region other than the run's.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cfnlint.template.template import Template

from builder.rules._node import Missing, Node, World, is_function

# What these do to a template is known: cfn-lint has applied it, or it leaves alone what a rule looks at. Any other
# macro may rewrite the whole template, so that nothing in it is known before the deployment.
_KNOWN_TRANSFORMS = (
    "AWS::LanguageExtensions",
    "AWS::Serverless-2016-10-31",
    "AWS::CodeDeployBlueGreen",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A template in one world: its resources of some types, as far as they exist there."""

    template: Mapping[str, object]
    world: World
    names: tuple[str, ...]

    def resources(self, *types: str) -> Iterator[Node]:
        """Yield each resource of these types that exists in this world; its path ends in its logical id."""
        for name in self.names:
            resource = self.resource(name)
            if resource.get("Type").text in types:
                yield resource

    def resource(self, name: str) -> Node:
        """Return a resource by its logical id; absent if there is none, or not in this world."""
        body = _resources(self.template).get(name)
        condition = body.get("Condition") if isinstance(body, dict) else None
        exists = isinstance(body, dict) and (condition is None or self.world.get(str(condition), False))
        return Node(body if exists else Missing.ABSENT, ("Resources", name), self.world)

    @property
    def has_modules(self) -> bool:
        """True if a resource is a module, which may bring resources that are not in this template."""
        types = [resource.get("Type") for resource in _resources(self.template).values()]
        return any(not isinstance(name, str) or name.endswith("::MODULE") for name in types)

    def referred(self, node: Node) -> str | None:
        """Return the logical id in a Ref, an Fn::GetAtt, or an Fn::Sub of nothing else; None for all else."""
        name = _pointed_at(node.value)
        return name if name in _resources(self.template) else None


def scenarios(cfn: Template, *types: str, region: str | None = None) -> tuple[Scenario, ...]:
    """Return the template in every world that the resources of these types, and those they point at, can be in.

    Without a region, the worlds of all regions of the run. Empty where nothing can be known: a macro may rewrite
    the template, or a condition is used that is nowhere defined.
    """
    template: Mapping[str, object] = cfn.template
    if _has_unknown_macro(cfn):
        return ()
    bodies = _resources(template)
    names = tuple(name for name, resource in bodies.items() if resource.get("Type") in types)
    if not names:
        return ()
    conditions = {name for logical_id in names for name in _conditions_of(bodies[logical_id])}
    regions = [region] if region else cfn.regions
    worlds = [world for region_name in regions for world in _worlds(cfn, conditions, region_name)]
    distinct = {tuple(sorted(world.items())): world for world in worlds}
    return tuple(Scenario(template, world, names) for world in distinct.values())


def resources(cfn: Template, *types: str, region: str | None = None) -> Iterator[Node]:
    """Yield every resource of these types in every world of `scenarios`, the same one once a world."""
    for scenario in scenarios(cfn, *types, region=region):
        yield from scenario.resources(*types)


def _worlds(cfn: Template, conditions: Iterable[str], region: str) -> list[World]:
    """Return the worlds that these conditions span in a region; cfn-lint stops at 128 of them."""
    names = sorted(conditions)
    if not names:
        return [{}]
    if any(cfn.conditions.get(name) is None for name in names):
        return []
    possible = {name: set(cfn.conditions.build_scenerios_on_region(name, region)) for name in names}
    return list(cfn.conditions.build_scenarios(possible))


def _conditions_of(resource: Mapping[str, object]) -> Iterator[str]:
    """Yield the conditions that a resource depends on: its own, and those of every Fn::If within it."""
    condition = resource.get("Condition")
    if isinstance(condition, str):
        yield condition
    yield from _ifs(resource)


def _ifs(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        choice = value.get("Fn::If")
        if is_function(value) and isinstance(choice, list) and choice and isinstance(choice[0], str):
            yield choice[0]
        for item in value.values():
            yield from _ifs(item)
    elif isinstance(value, list):
        for item in value:
            yield from _ifs(item)


def _resources(template: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
    section = template.get("Resources")
    if not isinstance(section, dict):
        return {}
    return {name: body for name, body in section.items() if isinstance(name, str) and isinstance(body, dict)}


def _has_unknown_macro(cfn: Template) -> bool:
    section = cfn.template.get("Resources")
    included = isinstance(section, dict) and "Fn::Transform" in section
    return included or any(transform not in _KNOWN_TRANSFORMS for transform in cfn.transform_pre["Transform"])


def _pointed_at(value: object) -> str | None:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            return name
        case {"Fn::GetAtt": str(dotted)}:
            return dotted.partition(".")[0]
        case {"Fn::Sub": str(text)} if text.startswith("${") and text.endswith("}") and text.count("${") == 1:
            return text[2:-1].partition(".")[0]
        case _:
            return None


def replication_rules(cfn: Template) -> Iterator[Node]:
    """Yield every rule of every bucket, in every world."""
    for bucket in resources(cfn, "AWS::S3::Bucket"):
        yield from bucket.get("Properties", "ReplicationConfiguration", "Rules").items() or ()
