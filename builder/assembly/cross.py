"""The manifest against its templates: hashes, parameters, capabilities, outputs, tags, the service in every region."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from builder.assembly.bound import Bound
from builder.assembly.finding import Finding, finding
from builder.assembly.manifest import FILE_NAME, Entry, Manifest, OutputOf
from builder.rules.per_build_tags import is_commit, is_per_build
from builder.terms import StackId

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
_CUSTOM_NAMES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
# Regions stand in for each other by running the same service. `StackKind.SERVICE`, without the import of the whole
# configuration, which would cost more than this module's work.
_SERVICE = "service"


class ManifestLines:
    """Where things stand in manifest.json, which is JSON, one key a line."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = text.splitlines()

    def of(self, text: str) -> tuple[str, int, int]:
        """Return file, line and column of the first line with a text; the file's beginning if there is none."""
        found = ((number, line.index(text) + 1) for number, line in enumerate(self._lines, start=1) if text in line)
        line, column = next(found, (1, 1))
        return self._file, line, column


def check_hashes(folder: Path, manifest: Manifest, templates: Mapping[str, bytes]) -> Iterator[Finding]:
    """Yield every template that is not the manifest's, and every service template that is not like the first."""
    for entry in manifest.stacks:
        if hashlib.sha256(templates[entry.template]).hexdigest() != entry.sha256:
            place = (str(folder / entry.template), 1, 1)
            yield finding("X001", place, f"is not the template that {FILE_NAME} was written with")
    services = [entry for entry in manifest.stacks if entry.id.endswith(f"/{_SERVICE}")]
    for entry in services[1:]:
        if templates[entry.template] != templates[services[0].template]:
            place = (str(folder / entry.template), 1, 1)
            yield finding("X002", place, f"differs from {services[0].template}: regions must run the same service")


def check_manifest(manifest: Manifest, bounds: Sequence[Bound], lines: ManifestLines) -> Iterator[Finding]:
    """Yield what the manifest says and the templates do not bear out."""
    by_id = {bound.entry.id: bound for bound in bounds}
    for bound in bounds:
        place = lines.of(f'"id": "{bound.entry.id}"')
        yield from _parameters(bound, by_id, place)
        yield from _capabilities(bound, place)
        yield from _tags(bound.entry, place)
    for name, (stack, output) in manifest.outputs.items():
        if _lacks(by_id[stack], output):
            yield finding("X006", lines.of(f'"{name}"'), f"output {name}: {stack} has no output {output}")


def _lacks(bound: Bound, output: str) -> bool:
    """Return whether a template surely has no output of a name."""
    declared = bound.outputs()
    return declared.complete and output not in declared.by_name


def _parameters(bound: Bound, by_id: Mapping[StackId, Bound], place: tuple[str, int, int]) -> Iterator[Finding]:
    entry, declared = bound.entry, bound.section("Parameters")
    for name, value in entry.parameters.items():
        if name not in declared:
            yield finding("X003", place, f"{entry.id}: {entry.template} has no parameter {name}")
        if isinstance(value, OutputOf) and _lacks(by_id[value.output[0]], value.output[1]):
            stack, output = value.output
            yield finding("X006", place, f"{entry.id}: parameter {name}: {stack} has no output {output}")
    for name, body in declared.items():
        if name not in entry.parameters and not (isinstance(body, dict) and "Default" in body):
            yield finding("X004", place, f"{entry.id}: parameter {name} has no default and is not given")


def _capabilities(bound: Bound, place: tuple[str, int, int]) -> Iterator[Finding]:
    entry = bound.entry
    iam = [(name, body) for name, body in bound.resources() if str(body.get("Type")).startswith("AWS::IAM::")]
    named = [name for name, body in iam if _has_custom_name(body)]
    if named and "CAPABILITY_NAMED_IAM" not in entry.capabilities:
        yield finding("X005", place, f"{entry.id}: {named[0]} has a name of its own: needs CAPABILITY_NAMED_IAM")
    elif iam and not {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(entry.capabilities):
        yield finding("X005", place, f"{entry.id}: {iam[0][0]} is an IAM resource: needs CAPABILITY_IAM")


def _has_custom_name(body: Mapping[str, object]) -> bool:
    properties = body.get("Properties")
    return isinstance(properties, dict) and _CUSTOM_NAMES.get(str(body.get("Type"))) in properties


def _tags(entry: Entry, place: tuple[str, int, int]) -> Iterator[Finding]:
    for key, value in entry.tags.items():
        if is_per_build(key) or is_commit(value):
            yield finding("X011", place, f"{entry.id}: tag {key} changes with every build, and every resource with it")
