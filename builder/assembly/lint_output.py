"""Findings in cfn-lint's own output formats, made by cfn-lint's own formatters."""

from cfnlint.config import ConfigMixIn
from cfnlint.rules import CloudFormationLintRule, Match, RuleMatch, Rules  # type: ignore[attr-defined]  # see lint.py
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


def in_format(linted: Linted, name: str) -> str:
    """Return the findings as `cfn-lint --format NAME` would write them, our checks among the rules it used."""
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
