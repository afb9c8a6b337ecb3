"""cfn-lint over an assembly's folder; findings as records."""

from dataclasses import dataclass
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner

from builder.assembly.manifest import FILE_NAME, read_manifest


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a rule has to say about one place of a template."""

    rule: str
    severity: str
    """error, warning or informational."""
    file: str
    line: int
    column: int
    message: str
    source: str


def lint_folder(folder: Path) -> tuple[Finding, ...]:
    """Return what cfn-lint finds in the manifest's templates, warnings and information included, in file order.

    Each template is held against the region its stack goes to. Raises BadInput if the manifest cannot be read.
    """
    manifest = read_manifest((folder / FILE_NAME).read_bytes(), where=str(folder / FILE_NAME))
    by_region: dict[str, list[str]] = {}
    for entry in manifest.stacks:
        by_region.setdefault(entry.region, []).append(str(folder / entry.template))
    findings = [finding for region, files in by_region.items() for finding in _lint(files, region)]
    return tuple(sorted(findings, key=lambda finding: (finding.file, finding.line, finding.rule)))


def _lint(files: list[str], region: str) -> list[Finding]:
    config = ConfigMixIn(["--include-checks", "I", "--regions", region, "--", *files])
    return [
        Finding(
            rule=match.rule.id,
            severity=match.rule.severity,
            file=str(match.filename),
            line=match.linenumber,
            column=match.columnnumber,
            message=match.message,
            source=match.rule.source_url,
        )
        for match in Runner(config).run()
    ]
