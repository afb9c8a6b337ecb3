"""The user's own stacks in an assembly: their templates packaged, checked against dr.yaml, and their needs.

Only a system with own stacks pays for this module's imports.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.assembly.manifest import Manifest
from builder.assembly.package import Packaged, package
from builder.assembly.uses import check_order, read_needs
from builder.components.own.python import check_repeated
from builder.components.own.template import (
    faults_of_outputs,
    faults_of_values,
    make_templates,
    path_of,
    read_own,
)
from builder.config import LoadedConfig
from builder.config.document import errors_of
from builder.errors import BadInput, BuilderError, gathered
from builder.template import Template
from builder.terms import StackId
from builder.topology import Stack, Topology


@dataclass(frozen=True, slots=True)
class OwnTemplate:
    """A template of the user's own, ready to be deployed."""

    file: str
    """The file that it comes from."""
    made: Packaged


def package_own(loaded: LoadedConfig, stacks: Sequence[Stack], run: int = 0) -> dict[StackId, OwnTemplate]:
    """Return the user's own templates with their local paths replaced. Raises BadInput, or Several, for those paths."""
    packaged: dict[StackId, OwnTemplate] = {}
    errors: dict[str, BuilderError] = {}
    made = make_templates(loaded, stacks, run)
    for stack in stacks:
        file, data = made[stack.id]
        try:
            packaged[stack.id] = OwnTemplate(file, package(data, Path(file), loaded.folder, stack.region))
        except BadInput as fault:
            # No file has the lines of a template that Python makes.
            where = file if file.endswith(".py") else fault.where
            error = BadInput(where=where, what=fault.what, next_step=fault.next_step)
            errors.setdefault(str(error), error)
    if errors:
        raise gathered(list(errors.values()))
    return packaged


def check_same(loaded: LoadedConfig, stacks: Sequence[Stack], first: Mapping[StackId, bytes]) -> None:
    """Raise BadInput, or Several, unless Python makes the same templates in another process, a year later."""
    again = package_own(loaded, stacks, run=1)
    check_repeated((own.file, first[stack], own.made.data) for stack, own in again.items())


def read_templates(
    loaded: LoadedConfig,
    topology: Topology,
    stacks: Sequence[Stack],
    built_in: Mapping[StackId, Template],
    packaged: Mapping[StackId, OwnTemplate],
) -> tuple[dict[StackId, Template], dict[StackId, str]]:
    """Return the user's own templates as data, and each one's path in the assembly.

    Raises BadInput, or Several, where they do not take a parameter that dr.yaml gives, or lack an output that it takes.
    """
    made = {stack: (own.file, own.made.data) for stack, own in packaged.items()}
    read = read_own(loaded, made)
    known = {**built_in, **read}
    files = {stack: file for stack, (file, _) in made.items()}
    faults = [*faults_of_values(stacks, files, known), *faults_of_outputs(topology, files, known)]
    if faults:
        raise gathered(errors_of(faults, loaded.lines))
    return read, {stack.id: path_of(stack, *made[stack.id]) for stack in stacks}


def with_needs(manifest: Manifest, templates: Mapping[str, bytes], stacks: Sequence[Stack]) -> Manifest:
    """Return the manifest with the needs that the user's own templates show: exports, names, SSM parameters.

    Raises BadInput for stacks that take values of each other in a circle.
    """
    needs = read_needs(manifest, templates)
    check_order(needs, manifest.project)
    ids = {stack.id for stack in stacks}
    entries = (replace(entry, needs=needs.of[entry.id]) if entry.id in ids else entry for entry in manifest.stacks)
    return replace(manifest, stacks=tuple(entries))
