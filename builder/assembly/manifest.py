"""The manifest: which stacks an assembly has, in which order they can be deployed, and what they put out."""

import dataclasses
import graphlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, StringConstraints, TypeAdapter, ValidationError

from builder.errors import BadInput
from builder.terms import AccountId, Region, Site, StackId

FILE_NAME = "manifest.json"
VERSION = 1
SUFFIX = "${EnvironmentSuffix}"

_STRICT = ConfigDict(extra="forbid")
_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A template path that stays inside the assembly's folder.
_TemplatePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
]


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


def _faults(manifest: Manifest) -> Iterator[str]:
    if manifest.version != VERSION:
        yield f"version {manifest.version} is not {VERSION}, the one this builder reads"
    ids = [entry.id for entry in manifest.stacks]
    yield from (f"stack {stack} is there more than once" for stack in sorted(set(ids)) if ids.count(stack) > 1)
    for entry in manifest.stacks:
        bound = {value.output[0] for value in entry.parameters.values() if isinstance(value, OutputOf)}
        for unknown in sorted({*entry.needs, *bound} - set(ids)):
            yield f"{entry.id} needs {unknown}, which is not in the assembly"
        for missing in sorted(bound - set(entry.needs)):
            yield f"{entry.id} takes an output of {missing} without needing it"
        if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]*", bind(entry.name, "x")):
            yield f"{entry.id}: '{entry.name}' cannot be a stack name"
    for unknown in sorted({stack for stack, _ in manifest.outputs.values()} - set(ids)):
        yield f"an output is taken from {unknown}, which is not in the assembly"
    try:
        manifest.order()
    except graphlib.CycleError as error:
        yield f"stacks need each other in a circle: {' -> '.join(error.args[1])}"
