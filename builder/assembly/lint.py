"""Linting an assembly: cfn-lint with this project's rules, each template for its region, and checks over all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode
from cfnlint.exceptions import CfnLintExitException
from cfnlint.rules import (  # type: ignore[attr-defined]  # documented there, exported implicitly
    CloudFormationLintRule,
    Match,
    RuleMatch,
    Rules,
)
from cfnlint.runner import Runner, run_template_by_file_path
from cfnlint.runner.cli import get_formatter
from yaml import YAMLError

from builder.assembly.bound import Bound
from builder.assembly.cross import ManifestLines, check_hashes, check_manifest, check_maps
from builder.assembly.finding import CHECKS, CrossCheck, Finding
from builder.assembly.manifest import FILE_NAME, Manifest, read_manifest
from builder.assembly.references import check_references
from builder.assembly.store import EXECUTION_ROLE, FLEET_FOLDER, Assembly, read_file
from builder.errors import BadInput
from builder.template import read_template, text_of
from builder.terms import Region

_COVERED_BY_OURS = frozenset({"I3011"})
"""W9531 reports this too, once for each resource, and not for nested stacks, which hold no data themselves."""


@dataclass(frozen=True, slots=True)
class Linted:
    """The result of linting an assembly, with what cfn-lint's own output formats need."""

    findings: tuple[Finding, ...]
    """All findings, with warnings and information, in the order of files and lines."""
    files: tuple[str, ...]
    rules: Rules


def lint_assembly(folder: Path, read: Assembly | None = None) -> Linted:
    """Return the findings of an assembly, each template checked for the region of its stack.

    A fleet's assembly, in a folder within this one, is linted with it; its execution role, which no stack deploys, is
    checked for the region of the first stack. `read` has the folder's assembly, if its files are not those of ours.

    Raises BadInput if the manifest or a template it names cannot be read, or if cfn-lint gives up, mostly because of a
    .cfnlintrc around here.
    """
    own = _lint_folder(folder, read)
    if not (folder / FLEET_FOLDER / FILE_NAME).is_file():
        return own
    fleet = _lint_folder(folder / FLEET_FOLDER)
    return Linted(_in_order((*own.findings, *fleet.findings)), (*own.files, *fleet.files), own.rules)


def _lint_folder(folder: Path, read: Assembly | None = None) -> Linted:
    written = read_file(folder, FILE_NAME)
    manifest = read.manifest if read else read_manifest(written, where=str(folder / FILE_NAME))
    templates = {entry.template: read_file(folder, entry.template) for entry in manifest.stacks}
    beside = tuple(str(path) for path in (folder / EXECUTION_ROLE,) if path.is_file() and path.name not in templates)
    files = tuple(sorted((*(str(folder / path) for path in templates), *beside)))
    for path, data in templates.items():
        text_of(data, str(folder / path))
    lines = ManifestLines(str(folder / FILE_NAME), written.decode())
    try:
        rules = _load_rules(files)
        findings = [*_lint_templates(folder, manifest, templates, rules), *_across(folder, manifest, templates, lines)]
        findings += [
            finding for path in beside for region in manifest.regions[:1] for finding in _lint(path, region, rules)
        ]
    except (CfnLintExitException, YAMLError) as error:
        raise BadInput(where="cfn-lint", what=str(error)) from error
    except RecursionError as error:
        raise BadInput(where=str(folder), what="has a template that is nested too deeply for cfn-lint") from error
    return Linted(_in_order(findings), files, rules)


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(dict.fromkeys(findings), key=lambda finding: (finding.file, finding.line, finding.rule, finding.column))
    )


def lint_text(template: str, region: Region) -> tuple[str, ...]:
    """Return the findings of a template that is in no folder, a line each."""
    with NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(template)
        file.flush()
        findings = _lint(file.name, region, _load_rules((file.name,)))
    return tuple(f"{finding.rule} line {finding.line}: {finding.message}" for finding in findings)


def _across(
    folder: Path, manifest: Manifest, templates: Mapping[str, bytes], lines: ManifestLines
) -> Iterator[Finding]:
    yield from check_hashes(folder, manifest, templates)
    bounds = [
        Bound(entry, str(folder / entry.template), read_template(template, str(folder / entry.template)))
        for entry in manifest.stacks
        if isinstance(template := decode(str(folder / entry.template))[0], dict)
    ]
    # Where a file is no template, cfn-lint has reported it, and the whole cannot be checked.
    if len(bounds) == len(manifest.stacks):
        yield from check_manifest(manifest, bounds, lines)
        yield from check_references(manifest, bounds)
        yield from (finding for bound in bounds for finding in check_maps(bound))


def _lint_templates(
    folder: Path, manifest: Manifest, templates: Mapping[str, bytes], rules: Rules
) -> Iterator[Finding]:
    """Yield cfn-lint's findings of every template.

    The same bytes for the same region are linted once. For another region they are linted again: regions differ in what
    they offer, and cfn-lint, given several at once, withholds uncertain findings. All in this process: most of the time
    is cfn-lint's start, and forks of it, each reading its schemas anew, took longer.
    """
    jobs: dict[tuple[bytes, Region], list[str]] = {}
    for entry in manifest.stacks:
        files = jobs.setdefault((templates[entry.template], entry.region), [])
        files.append(str(folder / entry.template))
    for (_, region), files in jobs.items():
        findings = _lint(files[0], region, rules)
        for file in dict.fromkeys(files):
            yield from (replace(finding, file=file) for finding in findings)


def _lint(file: str, region: Region, rules: Rules) -> list[Finding]:
    config = _make_config("--regions", region)
    matches = run_template_by_file_path(file, config, rules, config.ignore_bad_template)
    return [_finding(match) for match in matches if match.rule.id not in _COVERED_BY_OURS]


def _make_config(*arguments: str) -> ConfigMixIn:
    """Return cfn-lint's configuration: information included, the rest from a .cfnlintrc around here."""
    return ConfigMixIn(["--include-checks", "I", *arguments])


def _load_rules(files: Sequence[str]) -> Rules:
    """Return cfn-lint's rules, those that a .cfnlintrc appends, and ours, unless they are among them.

    Given the files, cfn-lint does not search for those that the .cfnlintrc names.
    """
    rules, ours = Runner(_make_config("--", *files)).rules, Rules.create_from_module("builder.rules")
    if not ours.keys() <= rules.keys():
        rules.update(ours)
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


class _CheckRule(CloudFormationLintRule):
    """A check over several templates, as a rule among cfn-lint's."""

    def __init__(self, check: CrossCheck) -> None:
        super().__init__()
        self.id, self.shortdesc, self.description = check.id, check.shortdesc, check.description
        self.source_url = check.source
        self._severity = check.severity

    @property
    def severity(self) -> str:
        """The check's own severity: cfn-lint derives it from the id's first letter, and does not know X."""
        return self._severity


def in_format(linted: Linted, name: str) -> str:
    """Return the findings as `cfn-lint --format NAME` writes them, with our checks among the rules."""
    checks = {check.id: _CheckRule(check) for check in CHECKS.values()}
    rules = Rules({**linted.rules, **checks})
    rules.used_rules.update({**linted.rules.used_rules, **checks})
    config = ConfigMixIn(["--format", name, "--", *linted.files])
    matches = [_match(finding, rules[finding.rule]) for finding in linted.findings]
    return str(get_formatter(config).print_matches(matches, rules, config=config) or "")


def _match(finding: Finding, rule: CloudFormationLintRule) -> Match:
    return Match.create(
        message=finding.message,
        filename=finding.file,
        rule=rule,
        linenumber=finding.line,
        columnnumber=finding.column,
        linenumberend=finding.end_line or finding.line,
        columnnumberend=finding.end_column or finding.column + 1,
        rulematch_obj=RuleMatch(list(finding.path), finding.message) if finding.path else None,
    )
