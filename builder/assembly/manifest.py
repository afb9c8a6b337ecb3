"""The manifest: which stacks an assembly has, in which order they can be deployed, and what they put out."""

import dataclasses
import graphlib
import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from builder.errors import BadInput
from builder.terms import AccountId, Region, Site, StackId

FILE_NAME = "manifest.json"
VERSION = 1
SUFFIX = "${EnvironmentSuffix}"
NAME_CHARACTERS = 128
"""Of a stack and of a change set.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

# Beside those that tell whose stack it is: CloudFormation takes 50.
_MOST_TAGS = 48
_TAG_CHARACTERS = 256

_STRICT = ConfigDict(extra="forbid")
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A template path that stays inside the assembly's folder.
_TemplatePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
]

_NAME = re.compile("[a-zA-Z][-a-zA-Z0-9]*")
# The longest that dr.yaml takes: an assembly is good for every environment.
_LONGEST_SUFFIX = "x" * 37
# A change set's name goes on with a hyphen, the plan's id (20261128-221500-abcdef), and of several its number.
_PLAN_CHARACTERS = 1 + 22 + 3


@dataclass(frozen=True, slots=True)
class OutputOf:
    """A parameter's value that is another stack's output, known only once that stack stands."""

    __pydantic_config__ = _STRICT
    output: tuple[StackId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One stack of an assembly; `name`, parameters and tags may hold `${EnvironmentSuffix}`."""

    __pydantic_config__ = _STRICT
    id: StackId
    region: Region
    name: str
    template: _TemplatePath
    sha256: _Sha256
    parameters: Mapping[str, str | OutputOf] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    needs: tuple[StackId, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    termination_protection: bool | None = None
    """Whether the stack is to be protected from deletion; absent or null leaves that as it is found."""
    account: Annotated[AccountId, StringConstraints(pattern=r"^[0-9]{12}$")] | None = None
    """The account it belongs in, where it is not that of the credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A whole assembly, good for every environment."""

    __pydantic_config__ = _STRICT
    version: int
    project: str
    stacks: tuple[Entry, ...]
    outputs: Mapping[str, tuple[StackId, str]] = field(default_factory=dict)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every region with a stack, in the order of the stacks."""
        return tuple(dict.fromkeys(entry.region for entry in self.stacks))

    @property
    def sites(self) -> tuple[Site, ...]:
        """Every region of every account with a stack, in the order of the stacks."""
        return tuple(dict.fromkeys(Site(entry.account, entry.region) for entry in self.stacks))

    def entry(self, stack: StackId) -> Entry:
        """Return the entry of a stack; KeyError if the assembly has none of that id."""
        return next(iter(entry for entry in self.stacks if entry.id == stack))

    def digest(self) -> str:
        """Return the SHA-256 of what would be deployed, the same for every environment."""
        return hashlib.sha256(write_manifest(self)).hexdigest()

    def order(self) -> tuple[StackId, ...]:
        """Return the stacks' ids, each after all that it needs, otherwise in the manifest's order."""
        sorter = graphlib.TopologicalSorter({entry.id: entry.needs for entry in self.stacks})
        return tuple(sorter.static_order())


def read_manifest(data: bytes, where: str) -> Manifest:
    """Return the manifest in a file's bytes. Raises BadInput, `where` being the file's name."""
    try:
        manifest = TypeAdapter(Manifest).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(where=where, what=f"{place}: {first['msg']}") from error
    if faults := tuple(_faults(manifest)):
        raise BadInput(where=where, what="\n  ".join(faults))
    return manifest


def write_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of manifest.json: the same for equal manifests, one line at the end."""
    said = dataclasses.asdict(manifest)
    for entry in said["stacks"]:
        for name in ("account", "termination_protection"):
            if entry[name] is None:
                del entry[name]
    return json.dumps(said, indent=2).encode() + b"\n"


def bind(text: str, suffix: str) -> str:
    """Return a manifest's text with the environment suffix in its place."""
    return text.replace(SUFFIX, suffix)


def change_set_room(deployment: str) -> int:
    """Return how many characters more a deployment's name has than its change sets' names take; 0 where it fits."""
    return max(0, len(deployment) + _PLAN_CHARACTERS - NAME_CHARACTERS)


def _faults(manifest: Manifest) -> Iterator[str]:
    """Yield every fault, its place in the file first."""
    if manifest.version != VERSION:
        yield f"version: {manifest.version} is not {VERSION}, the one this builder reads"
    if not _NAME.fullmatch(manifest.project):
        yield (
            f"project: no change set can be named after '{manifest.project}': "
            "letters, digits and hyphens, a letter first"
        )
    elif over := change_set_room(f"{manifest.project}-{_LONGEST_SUFFIX}"):
        length = len(manifest.project)
        yield f"project: '{manifest.project}' has {length} characters, and change sets' names take {length - over}"
    ids = {entry.id for entry in manifest.stacks}
    before: list[Entry] = []
    for number, entry in enumerate(manifest.stacks):
        yield from (f"stacks.{number}.{fault}" for fault in _faults_of(entry, ids, before))
        before.append(entry)
    for name, (stack, _) in manifest.outputs.items():
        if stack not in ids:
            yield f"outputs.{name}: is taken from {stack}, which is not in the assembly"
    try:
        manifest.order()
    except graphlib.CycleError as error:
        yield f"stacks: need each other in a circle: {' -> '.join(error.args[1])}"


def _faults_of(entry: Entry, ids: Collection[StackId], before: Sequence[Entry]) -> Iterator[str]:
    if entry.id in {one.id for one in before}:
        yield f"id: {entry.id} is there more than once"
    sources = {name: value.output[0] for name, value in entry.parameters.items() if isinstance(value, OutputOf)}
    yield from (f"needs: {entry.id} needs {one}, which is not in the assembly" for one in entry.needs if one not in ids)
    for name, source in sources.items():
        if source not in ids:
            yield f"parameters.{name}: {entry.id} takes an output of {source}, which is not in the assembly"
        elif source not in entry.needs:
            yield f"parameters.{name}: {entry.id} takes an output of {source} without needing it"
    yield from (f"name: {fault}" for fault in _name_faults(entry, before))
    yield from (f"tags{fault}" for fault in _tag_faults(entry.tags))


def _name_faults(entry: Entry, before: Sequence[Entry]) -> Iterator[str]:
    bound = bind(entry.name, _LONGEST_SUFFIX)
    if not _NAME.fullmatch(bound):
        yield f"'{entry.name}' of {entry.id} cannot be a stack name: letters, digits and hyphens, a letter first"
    elif len(bound) > NAME_CHARACTERS:
        longest = f" with an environment suffix of {len(_LONGEST_SUFFIX)}" if bound != entry.name else ""
        yield f"'{entry.name}' of {entry.id} has {len(bound)} characters{longest}, and a stack's name {NAME_CHARACTERS}"
    for one in before:
        if (one.name, one.region, one.account) == (entry.name, entry.region, entry.account):
            yield f"'{entry.name}' in {entry.region} is both {one.id}'s and {entry.id}'s: a stack's name is there once"


def _tag_faults(tags: Mapping[str, str]) -> Iterator[str]:
    """Yield what CloudFormation refuses of the tags, and what would make the stack another's.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Tag.html
    """
    if len(tags) > _MOST_TAGS:
        yield f": {len(tags)} tags, and a stack has room for {_MOST_TAGS} beside the builder's own"
    for name, value in tags.items():
        if name.partition(":")[0] in {"aws", "builder"} and ":" in name:
            yield f".{name}: names that begin with {name.partition(':')[0]}: are not yours to give"
        elif not 1 <= len(name) <= NAME_CHARACTERS:
            yield f".{name}: has {len(name)} characters, and the name of a tag 1 to {NAME_CHARACTERS}"
        elif not 1 <= len(bind(value, _LONGEST_SUFFIX)) <= _TAG_CHARACTERS:
            yield f".{name}: '{value}' cannot be the value of a stack's tag: 1 to {_TAG_CHARACTERS} characters"
