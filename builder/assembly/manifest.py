"""The manifest: the stacks of an assembly, their needs, and their outputs."""

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import StringConstraints, TypeAdapter, ValidationError

from builder.assembly.components import (
    STRICT,
    Components,
    OutputOf,
    Roles,
    derive,
    faults_of_components,
    faults_of_roles,
    replica_regions,
)
from builder.errors import BadInput
from builder.graph import as_circle, find_circle
from builder.template import canonical_policy
from builder.terms import AccountId, LogicalId, Region, Site, StackId

FILE_NAME = "manifest.json"
VERSION = 2
_FIRST = 1
"""The version of a manifest without roles and components, which is still read."""
SUFFIX = "${EnvironmentSuffix}"
NAME_CHARACTERS = 128
"""The most characters of a stack's and of a change set's name.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html"""

# Besides the builder's own tags: CloudFormation takes 50.
MOST_TAGS = 48
_TAG_CHARACTERS = 256

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A template path that stays inside the assembly's folder.
_TemplatePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
]

_NAME = re.compile("[a-zA-Z][-a-zA-Z0-9]*")
# The longest suffix that dr.yaml takes: an assembly is for every environment.
LONGEST_SUFFIX = "x" * 37
# A change set's name continues with a hyphen, the plan's id (20261128-221500-abcdef), and where there are several, its
# number.
_PLAN_CHARACTERS = 1 + 22 + 3


@dataclass(frozen=True, slots=True)
class UsePreviousValue:
    """The value that the parameter has in the deployed stack: the change set is created with UsePreviousValue."""

    __pydantic_config__ = STRICT
    previous: Literal[True] = True


@dataclass(frozen=True, slots=True)
class ByEnvironment:
    """A text for each environment, by its suffix; `default` is for all others."""

    __pydantic_config__ = STRICT
    environments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FlagByEnvironment:
    """A boolean for each environment, by its suffix; `default` is for all others."""

    __pydantic_config__ = STRICT
    environments: Mapping[str, bool]


ParameterValue = str | OutputOf | UsePreviousValue
"""A parameter's value for a stack of one environment."""
NeutralValue = ParameterValue | ByEnvironment
"""A parameter's value for every environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interim:
    """The parameters with which a stack is created; an update changes them once the stacks in `until` exist."""

    __pydantic_config__ = STRICT
    until: tuple[StackId, ...]
    """The stacks that need it and to which its final parameters refer: as of buckets that replicate to each other."""
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackEntry:
    """One stack of an assembly. Its `name`, parameters and tags may contain `${EnvironmentSuffix}`."""

    __pydantic_config__ = STRICT
    id: StackId
    region: Region
    name: str
    template: _TemplatePath
    sha256: _Sha256
    parameters: Mapping[str, NeutralValue] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    needs: tuple[StackId, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    termination_protection: bool | FlagByEnvironment | None = None
    """Whether the stack is to be protected from deletion; None leaves that unchanged."""
    stack_policy: str | ByEnvironment | None = None
    """The stack policy that it is to have, as JSON; None leaves that unchanged."""
    account: Annotated[AccountId, StringConstraints(pattern=r"^[0-9]{12}$")] | None = None
    """The account it is deployed in, if not that of the credentials."""
    interim: Interim | None = None
    """The parameters of its creation, before an update once other stacks exist; absent where one change set creates
    it."""
    existing: tuple[LogicalId, ...] = ()
    """Its tables and buckets that exist already, by logical id: they are imported, not created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A whole assembly, valid for every environment."""

    __pydantic_config__ = STRICT
    version: int
    project: str
    stacks: tuple[StackEntry, ...]
    outputs: Mapping[str, tuple[StackId, str]] = field(default_factory=dict)
    roles: Roles | None = None
    """Which region is primary and which are secondaries; absent where nothing is drilled."""
    artifacts_bucket: str | None = None
    """The name of each region's bucket for artifacts, with `{region}` in place of the region."""
    components: Components = field(default_factory=dict)
    """The components to observe, call and drill, by name."""
    empty_regions: tuple[Region, ...] = ()
    """The system's regions in which it has no stack: planning searches them for former stacks."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every region with a stack, in the order of the stacks."""
        return tuple(dict.fromkeys(entry.region for entry in self.stacks))

    @property
    def sites(self) -> tuple[Site, ...]:
        """Every region of every account with a stack, in the order of the stacks."""
        return tuple(dict.fromkeys(Site(entry.account, entry.region) for entry in self.stacks))

    def entry(self, stack: StackId) -> StackEntry:
        """Return the entry of a stack; KeyError if the assembly has none of that id."""
        return next(iter(entry for entry in self.stacks if entry.id == stack))

    def digest(self) -> str:
        """Return the SHA-256 of what would be deployed, the same for every environment: project, stacks and outputs.

        Roles and components are not in it. They only tell how a deployment is observed and drilled, so a saved plan
        outlives their change, and a plan from a manifest of version 1 outlives its rendering as version 2, hashed in
        the form of version 1.
        """
        data = _as_data(self)
        deployed = {"version": _FIRST, **{name: data[name] for name in ("project", "stacks", "outputs")}}
        return hashlib.sha256(_to_bytes(deployed)).hexdigest()


def read_manifest(data: bytes, where: str) -> Manifest:
    """Return the manifest in a file's bytes, also of version 1, whose missing fields are derived here, and only here.

    Raises BadInput; `where` is the file's name.
    """
    try:
        manifest = _adapter().validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(where=where, what=f"{place}: {first['msg']}") from error
    if manifest.version == _FIRST and manifest.roles is None and not manifest.components:
        derived = derive(manifest.outputs, {entry.id: entry.region for entry in manifest.stacks})
        manifest = replace(manifest, version=VERSION, roles=derived.roles, components=derived.components)
    check_manifest(manifest, where)
    return manifest


def check_manifest(manifest: Manifest, where: str) -> None:
    """Raise BadInput for what every reader of a manifest refuses; `where` is its source."""
    if faults := tuple(_faults(manifest)):
        raise BadInput(where=where, what="\n  ".join(faults))


def write_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of manifest.json: the same for equal manifests, one line at the end."""
    return _to_bytes(_as_data(manifest))


def make_schema() -> bytes:
    """Return the JSON Schema of manifest.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_adapter().json_schema()}
    return json.dumps(schema, indent=2).encode() + b"\n"


@functools.cache
def _adapter() -> TypeAdapter[Manifest]:
    """Return the adapter that reads a manifest: building it takes a hundred times as long as reading with it."""
    return TypeAdapter(Manifest)


def _as_data(manifest: Manifest) -> dict[str, Any]:
    """Return a manifest as plain data, as it is written: in the order of the records, without empty fields."""
    data = dataclasses.asdict(manifest)
    for entry in data["stacks"]:
        for name in ("account", "termination_protection", "stack_policy", "interim"):
            if entry[name] is None:
                del entry[name]
        if not entry["existing"]:
            del entry["existing"]
    for name, component in data["components"].items():
        data["components"][name] = {kind: body for kind, body in component.items() if body is not None}
        if "bucket" in data["components"][name] and not component["bucket"]["batch_roles"]:
            del component["bucket"]["batch_roles"]
    for name in ("roles", "artifacts_bucket"):
        if data[name] is None:
            del data[name]
    if not data["empty_regions"]:
        del data["empty_regions"]
    return data


def _to_bytes(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, indent=2).encode() + b"\n"


def bind(text: str, suffix: str) -> str:
    """Return a manifest's text with the environment suffix in place of its placeholder."""
    return text.replace(SUFFIX, suffix)


def bind_value(value: NeutralValue, suffix: str, where: str) -> ParameterValue:
    """Return a parameter's value in an environment. Raises BadInput where it has none; `where` is the parameter."""
    if isinstance(value, ByEnvironment):
        text = value.environments.get(suffix, value.environments.get("default"))
        if text is None:
            raise BadInput(
                where=where,
                what=f"has no value for the environment '{suffix}', and no default: there are "
                + ", ".join(value.environments),
                next_step="say one under `environments:` of its value in dr.yaml, then: python -m builder render",
            )
        value = text
    return bind(value, suffix) if isinstance(value, str) else value


def bind_protection(entry: StackEntry, suffix: str) -> tuple[bool | None, str | None]:
    """Return a stack's termination protection and stack policy in an environment; None leaves each unchanged."""
    protection, policy = entry.termination_protection, entry.stack_policy
    if isinstance(protection, FlagByEnvironment):
        protection = protection.environments.get(suffix, protection.environments.get("default"))
    if isinstance(policy, ByEnvironment):
        policy = policy.environments.get(suffix, policy.environments.get("default"))
    return protection, policy


def change_set_room(deployment: str) -> int:
    """Return by how many characters a deployment's name is too long for its change sets' names; 0 if it fits."""
    return max(0, len(deployment) + _PLAN_CHARACTERS - NAME_CHARACTERS)


def _faults(manifest: Manifest) -> Iterator[str]:
    """Yield every fault, its place in the file first."""
    if manifest.version != VERSION:
        known = manifest.version == _FIRST
        yield (
            f"version: {_FIRST} has neither roles nor components; with them it is {VERSION}"
            if known
            else f"version: {manifest.version} is neither {_FIRST} nor {VERSION}, which this builder reads"
        )
    if not _NAME.fullmatch(manifest.project):
        yield (
            f"project: no change set can be named after '{manifest.project}': "
            "letters, digits and hyphens, a letter first"
        )
    elif over := change_set_room(f"{manifest.project}-{LONGEST_SUFFIX}"):
        length = len(manifest.project)
        yield f"project: '{manifest.project}' has {length} characters, and change sets' names take {length - over}"
    ids = {entry.id for entry in manifest.stacks}
    before: list[StackEntry] = []
    for number, entry in enumerate(manifest.stacks):
        yield from (f"stacks.{number}.{fault}" for fault in _faults_of(entry, ids, before))
        before.append(entry)
    for name, (stack, _) in manifest.outputs.items():
        if stack not in ids:
            yield f"outputs.{name}: is taken from {stack}, which is not in the assembly"
    if manifest.roles:
        yield from faults_of_roles(manifest.roles, (*manifest.regions, *replica_regions(manifest.components)))
    stacks = {entry.id: entry.region for entry in manifest.stacks}
    yield from faults_of_components(manifest.components, manifest.roles, stacks, _longest)
    if circle := find_circle({entry.id: entry.needs for entry in manifest.stacks}):
        yield f"stacks: need each other in a circle: {as_circle(circle)}"


def _longest(text: str) -> str:
    return bind(text, LONGEST_SUFFIX)


def _faults_of(entry: StackEntry, ids: Collection[StackId], before: Sequence[StackEntry]) -> Iterator[str]:
    if entry.id in {other.id for other in before}:
        yield f"id: {entry.id} is there more than once"
    sources = {name: value.output[0] for name, value in entry.parameters.items() if isinstance(value, OutputOf)}
    yield from (
        f"needs: {entry.id} needs {need}, which is not in the assembly" for need in entry.needs if need not in ids
    )
    for name, source in sources.items():
        if source not in ids:
            yield f"parameters.{name}: {entry.id} takes an output of {source}, which is not in the assembly"
        elif source not in entry.needs:
            yield f"parameters.{name}: {entry.id} takes an output of {source} without needing it"
    yield from (f"name: {fault}" for fault in _name_faults(entry, before))
    yield from (f"tags{fault}" for fault in _tag_faults(entry.tags))
    if entry.interim is not None:
        yield from (
            f"interim.until: {stack} is not in the assembly" for stack in entry.interim.until if stack not in ids
        )
        unknown = [name for name in entry.interim.parameters if name not in entry.parameters]
        yield from (f"interim.parameters: {name} is no parameter that the stack is given" for name in unknown)
    twice = dict.fromkeys(name for name in entry.existing if entry.existing.count(name) > 1)
    yield from (f"existing: {name} is there more than once" for name in twice)
    value = entry.stack_policy
    policies = value.environments if isinstance(value, ByEnvironment) else {"": value} if value is not None else {}
    for suffix, policy in policies.items():
        try:
            canonical_policy(policy)
        except ValueError as error:
            yield f"{'.environments.'.join(['stack_policy', suffix] if suffix else ['stack_policy'])}: {error}"


def _name_faults(entry: StackEntry, before: Sequence[StackEntry]) -> Iterator[str]:
    bound = bind(entry.name, LONGEST_SUFFIX)
    if not _NAME.fullmatch(bound):
        yield f"'{entry.name}' of {entry.id} cannot be a stack name: letters, digits and hyphens, a letter first"
    elif len(bound) > NAME_CHARACTERS:
        longest = f" with an environment suffix of {len(LONGEST_SUFFIX)}" if bound != entry.name else ""
        yield f"'{entry.name}' of {entry.id} has {len(bound)} characters{longest}, and a stack's name {NAME_CHARACTERS}"
    for other in before:
        if (other.name, other.region, other.account) == (entry.name, entry.region, entry.account):
            both = f"both {other.id}'s and {entry.id}'s"
            yield f"'{entry.name}' in {entry.region} is {both}: a stack's name is there once"


def _tag_faults(tags: Mapping[str, str]) -> Iterator[str]:
    """Yield the tags that CloudFormation refuses, and those that would make the stack another's.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
    """
    if len(tags) > MOST_TAGS:
        yield f": {len(tags)} tags, and a stack has room for {MOST_TAGS} beside the builder's own"
    for name, value in tags.items():
        if name.partition(":")[0] in {"aws", "builder"} and ":" in name:
            yield f".{name}: names that begin with {name.partition(':')[0]}: are not yours to give"
        elif not 1 <= len(name) <= NAME_CHARACTERS:
            yield f".{name}: has {len(name)} characters, and the name of a tag 1 to {NAME_CHARACTERS}"
        elif not 1 <= len(bind(value, LONGEST_SUFFIX)) <= _TAG_CHARACTERS:
            yield f".{name}: '{value}' cannot be the value of a stack's tag: 1 to {_TAG_CHARACTERS} characters"
