"""Findings for machines: as events, and in cfn-lint's own output formats, made by cfn-lint's own formatters."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime

from cfnlint.config import ConfigMixIn
from cfnlint.rules import CloudFormationLintRule, Match, RuleMatch  # type: ignore[attr-defined]  # see lint.py
from cfnlint.runner.cli import get_formatter

from builder.assembly.finding import CHECKS, Check, Finding
from builder.assembly.lint import Linted


class _CheckRule(CloudFormationLintRule):
    """A check that spans templates, as a rule among cfn-lint's."""

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.id, self.shortdesc, self.description = check.id, check.shortdesc, check.description
        self.source_url = check.source
        self._severity = check.severity

    @property
    def severity(self) -> str:
        """The check's own: cfn-lint reads it off the id's first letter, and knows no X."""
        return self._severity


def as_event(finding: Finding, at: datetime) -> str:
    """Return a finding as one line of JSON, its kind and time first, as every event of the command line."""
    time = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"event": "lint.finding", "at": time, **dataclasses.asdict(finding)})


def as_text(findings: Sequence[Finding]) -> str:
    """Return one line for each finding: where, which rule, what; and how many there are."""
    lines = [f"{one.file}:{one.line}:{one.column}: {one.rule} {one.message}" for one in findings]
    count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}" if findings else "no findings"
    return "\n".join([*lines, count])


def in_format(linted: Linted, name: str) -> str:
    """Return the findings as `cfn-lint --format NAME` would write them."""
    rules = linted.rules
    for check in CHECKS.values():
        if check.id not in rules:
            rules.register(_CheckRule(check))
    # The templates may have been linted by other processes, whose notes of the rules they used are lost.
    config = ConfigMixIn(["--include-checks", "I", "X", "--format", name, "--", *linted.files])
    rules.used_rules.update({one: rule for one, rule in rules.items() if rules.is_rule_enabled(rule, config)})
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
