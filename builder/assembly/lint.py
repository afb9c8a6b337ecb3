"""Linting an assembly: cfn-lint with this project's rules, each template for its region, and what spans templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode, decode_str
from cfnlint.exceptions import CfnLintExitException
from cfnlint.rules import Match, Rules  # type: ignore[attr-defined]  # documented there, exported implicitly
from cfnlint.runner import run_template_by_data, run_template_by_file_path

from builder.assembly.bound import Bound
from builder.assembly.cross import ManifestLines, check_hashes, check_manifest
from builder.assembly.finding import Finding
from builder.assembly.manifest import FILE_NAME, Manifest, read_manifest
from builder.assembly.references import check_references
from builder.errors import BadInput
from builder.terms import Region

__all__ = ["Finding", "Linted", "lint_assembly", "lint_folder", "lint_text"]

RULES = "builder.rules"


@dataclass(frozen=True, slots=True)
class Linted:
    """What came of linting an assembly, with what it was linted by."""

    findings: tuple[Finding, ...]
    files: tuple[str, ...]
    rules: Rules


def lint_folder(folder: Path) -> tuple[Finding, ...]:
    """Return what is wrong with an assembly, warnings and information included, in the order of files and lines.

    Each template is held against the region its stack goes to. Raises BadInput if the manifest or a template it
    names cannot be read.
    """
    return lint_assembly(folder).findings


def lint_assembly(folder: Path) -> Linted:
    """Return the same with the rules and files, for cfn-lint's own output formats."""
    manifest = read_manifest(_read(folder, FILE_NAME), where=str(folder / FILE_NAME))
    templates = {entry.template: _read(folder, entry.template) for entry in manifest.stacks}
    rules = _load_rules()
    found = [*_lint_templates(folder, manifest, templates, rules), *_across(folder, manifest, templates)]
    findings = tuple(sorted(dict.fromkeys(found), key=lambda one: (one.file, one.line, one.rule, one.column)))
    return Linted(findings, tuple(sorted(str(folder / path) for path in templates)), rules)


def lint_text(template: str, region: Region) -> tuple[str, ...]:
    """Return what is wrong with a template that is in no folder, a line each."""
    matches = run_template_by_data(decode_str(template)[0] or {}, make_config(region), _load_rules())
    return tuple(f"{match.rule.id} line {match.linenumber}: {match.message}" for match in matches)


def _across(folder: Path, manifest: Manifest, templates: Mapping[str, bytes]) -> Iterator[Finding]:
    yield from check_hashes(folder, manifest, templates)
    bounds = [
        Bound(entry, str(folder / entry.template), template)
        for entry in manifest.stacks
        if isinstance(template := decode(str(folder / entry.template))[0], dict)
    ]
    # Where a template is no template, cfn-lint has said so, and nothing can be said of the whole.
    if len(bounds) == len(manifest.stacks):
        yield from check_manifest(manifest, bounds, ManifestLines(folder))
        yield from check_references(manifest, bounds)


def _lint_templates(
    folder: Path, manifest: Manifest, templates: Mapping[str, bytes], rules: Rules
) -> Iterator[Finding]:
    """Yield cfn-lint's findings of every template.

    The same bytes for the same region are linted once. For another region they are linted again: what a region
    offers differs, and cfn-lint, told several at once, holds back what it is not sure of. All in this process: most
    of the time goes into loading cfn-lint, and forks of it, each reading its schemas anew, took longer.
    """
    jobs: dict[tuple[bytes, Region], list[str]] = {}
    for entry in manifest.stacks:
        files = jobs.setdefault((templates[entry.template], entry.region), [])
        files.append(str(folder / entry.template))
    for (_, region), files in jobs.items():
        found = _lint(files[0], region, rules)
        for file in dict.fromkeys(files):
            yield from (replace(one, file=file) for one in found)


def _lint(file: str, region: Region, rules: Rules) -> list[Finding]:
    config = make_config(region)
    try:
        matches = list(run_template_by_file_path(file, config, rules, config.ignore_bad_template))
    except CfnLintExitException as error:
        raise BadInput(where=file, what=f"cannot be linted for {region}: {error}") from error
    return [_finding(match) for match in matches]


def make_config(region: str) -> ConfigMixIn:
    """Return cfn-lint's configuration: information included, the rest as a .cfnlintrc around here has it."""
    return ConfigMixIn(["--include-checks", "I", "--regions", region])


def _load_rules() -> Rules:
    """Return cfn-lint's rules and ours.

    What a .cfnlintrc appends is loaded as well, unless it is ours again.
    """
    rules = Rules()
    for source in dict.fromkeys([*make_config("us-east-1").append_rules, RULES]):
        is_folder = Path(source).expanduser().is_dir()
        if not is_folder or Path(source).resolve() != Path(__file__).parent.parent / "rules":
            rules.update(Rules.create_from_directory(source) if is_folder else Rules.create_from_module(source))
    return rules


def _finding(match: Match) -> Finding:
    return Finding(
        rule=match.rule.id,
        severity=match.rule.severity,
        file=str(match.filename),
        line=match.linenumber,
        column=match.columnnumber,
        message=match.message,
        source=match.rule.source_url,
        end_line=match.linenumberend,
        end_column=match.columnnumberend,
        path=tuple(getattr(match, "path", ())),
    )


def _read(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise BadInput(
            where=str(folder / path),
            what=f"cannot be read ({error.strerror})",
            next_step="python -m builder render",
        ) from error
