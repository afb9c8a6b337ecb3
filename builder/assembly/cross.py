"""The manifest against its templates: hashes, parameters, capabilities, outputs, tags, equality between regions."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path as FilePath

from builder.assembly.bound import Bound, faults_of_existing
from builder.assembly.capabilities import has_custom_name
from builder.assembly.components import OutputOf
from builder.assembly.finding import Finding, finding
from builder.assembly.manifest import FILE_NAME, Manifest, StackEntry
from builder.resource_types.facts import SAM_ROLE_EVENTS
from builder.rules._node import is_function
from builder.rules.per_build_tags import is_commit, is_per_build
from builder.template import TemplatePath
from builder.terms import StackId

_SAM = "AWS::Serverless-2016-10-31"


class ManifestLines:
    """The places of texts in manifest.json, which is JSON with one key a line."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = text.splitlines()

    def of(self, text: str) -> tuple[str, int, int]:
        """Return file, line and column of the first line with a text; the file's beginning if there is none."""
        return self.of_path(text)

    def of_path(self, *texts: str) -> tuple[str, int, int]:
        """Return the place of the last of several texts, each searched after the line of the one before it."""
        line, column = 0, 1
        for text in texts:
            after = enumerate(self._lines[line:], start=line + 1)
            places = ((number, at.index(text) + 1) for number, at in after if text in at)
            line, column = next(places, (line, column))
        return self._file, max(line, 1), column


def check_hashes(folder: FilePath, manifest: Manifest, templates: Mapping[str, bytes]) -> Iterator[Finding]:
    """Yield every template that differs from the manifest's hash, and every function that differs between regions.

    Regions replace each other only if they run the same code.
    """
    for entry in manifest.stacks:
        if hashlib.sha256(templates[entry.template]).hexdigest() != entry.sha256:
            place = (str(folder / entry.template), 1, 1)
            yield finding("X001", place, f"is not the template that {FILE_NAME} was written with")
    for name, component in manifest.components.items():
        stacks = dict.fromkeys(of.output[0] for of in component.function.url.values()) if component.function else {}
        first, *others = [manifest.entry(stack).template for stack in stacks] or [""]
        for path in dict.fromkeys(others):
            if templates[path] != templates[first]:
                what = f"differs from {first}: {name} must be the same in every region"
                yield finding("X002", (str(folder / path), 1, 1), what)


def check_manifest(manifest: Manifest, bounds: Sequence[Bound], lines: ManifestLines) -> Iterator[Finding]:
    """Yield what the manifest states and the templates contradict."""
    by_id = {bound.entry.id: bound for bound in bounds}
    for bound in bounds:
        place = lines.of(f'"id": "{bound.entry.id}"')
        yield from _parameters(bound, by_id, place)
        yield from _capabilities(bound, place)
        yield from _tags(bound.entry, place)
        yield from (finding("X013", place, fault) for fault in faults_of_existing(bound))
    for name, (stack, output) in manifest.outputs.items():
        if _lacks(by_id[stack], output):
            yield finding("X006", lines.of(f'"{name}"'), f"output {name}: {stack} has no output {output}")
    for name, component in manifest.components.items():
        for path, of in component.outputs.items():
            stack, output = of.output
            if _lacks(by_id[stack], output):
                keys = ["components", name, *path.split(".", 2)]
                what = f"components.{name}.{path}: {stack} has no output {output}"
                yield finding("X006", lines.of_path(*(f'"{key}":' for key in keys)), what)


def _lacks(bound: Bound, output: str) -> bool:
    """Return whether a template certainly has no output of a name."""
    declared = bound.outputs()
    return declared.complete and output not in declared.by_name


def _parameters(bound: Bound, by_id: Mapping[StackId, Bound], place: tuple[str, int, int]) -> Iterator[Finding]:
    entry, declared = bound.entry, bound.template.section("Parameters")
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
    named = [name for name, body in iam if has_custom_name(body)]
    if named and "CAPABILITY_NAMED_IAM" not in entry.capabilities:
        yield finding("X005", place, f"{entry.id}: {named[0]} has a name of its own: needs CAPABILITY_NAMED_IAM")
    elif {"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} & set(entry.capabilities):
        return
    elif iam:
        yield finding("X005", place, f"{entry.id}: {iam[0][0]} is an IAM resource: needs CAPABILITY_IAM")
    elif (name := next(_with_roles_by_sam(bound), None)) is not None:
        yield finding("X005", place, f"{entry.id}: SAM makes a role for {name}: needs CAPABILITY_IAM")


def _with_roles_by_sam(bound: Bound) -> Iterator[str]:
    """Yield the resources for which SAM's transform certainly creates a role."""
    if _SAM not in bound.template.transforms:
        return
    for name, body in bound.resources(*SAM_ROLE_EVENTS):
        kind = str(body["Type"])
        common = bound.template.section("Globals").get(kind.removeprefix("AWS::Serverless::"))
        own = _literal(body.get("Properties"))
        properties = own and {**(_literal(common) or {}), **own}
        if properties is not None and _has_role_by_sam(properties, SAM_ROLE_EVENTS[kind]):
            yield name


def _has_role_by_sam(properties: Mapping[str, object], events: Collection[str]) -> bool:
    if "Role" not in properties:
        return True
    # A gradual deployment, and the callers of a function on events, have roles of their own.
    steps = _literal(properties.get("DeploymentPreference"))
    if steps is not None and "Type" in steps and not {"Role", "Enabled"} & steps.keys():
        return True
    called = (_literal(event) or {} for event in (_literal(properties.get("Events")) or {}).values())
    return any(
        event.get("Type") in events and "RoleArn" not in (_literal(event.get("Properties")) or {}) for event in called
    )


def _literal(value: object) -> Mapping[str, object] | None:
    """Return a literal object; None for a function, whose result may be anything."""
    return value if isinstance(value, dict) and not is_function(value) else None


def check_maps(bound: Bound) -> Iterator[Finding]:
    """Yield every look-up in a map without an entry for the stack's region, or without the key."""
    maps, reported = bound.template.section("Mappings"), set[tuple[str, ...]]()
    for path, arguments in _lookups(bound.template.data, ()):
        match arguments:
            case [str(name), first, second] if isinstance(maps.get(name), dict):
                keys = [bound.text(key) for key in (first, second)]
                missing = _missing(maps[name], keys)
                if missing and bound.entry.region in missing and (name, *missing) not in reported:
                    reported.add((name, *missing))
                    what = f"{bound.entry.id}: map {name} has no {'.'.join(missing)}"
                    yield finding("X012", bound.place(*path), what)


def _missing(of: object, keys: Sequence[str | None]) -> tuple[str, ...]:
    """Return the keys up to the first that is certainly missing; empty if none is, or one is unknown."""
    gone: list[str] = []
    for key in keys:
        if key is None or not isinstance(of, dict) or is_function(of):
            return ()
        gone.append(key)
        if key not in of and key not in map(str, of):
            return tuple(gone)
        of = of.get(key)
    return ()


def _lookups(value: object, path: TemplatePath) -> Iterator[tuple[TemplatePath, object]]:
    """Yield each Fn::FindInMap that is certainly evaluated, being under no condition, with its path."""
    if isinstance(value, dict):
        if "Fn::If" in value or ("Condition" in value and "Type" in value):
            return
        for key, item in value.items():
            if key == "Fn::FindInMap":
                yield (*path, key), item
            if key not in {"Mappings", "Conditions", "Metadata"} or path:
                yield from _lookups(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _lookups(item, (*path, index))


def _tags(entry: StackEntry, place: tuple[str, int, int]) -> Iterator[Finding]:
    for key, value in entry.tags.items():
        if is_per_build(key) or is_commit(value):
            yield finding("X011", place, f"{entry.id}: tag {key} changes with every build, and every resource with it")
