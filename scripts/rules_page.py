"""Write docs/rules.md from the rules themselves.

python scripts/rules_page.py
"""

from pathlib import Path

import builder.rules
from builder.assembly.finding import CHECKS
from builder.rules._rule import Rule

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
_HEAD = """\
# Rules

Made by `python scripts/rules_page.py` from the rules themselves; a test fails when it is stale.

## Rules for cfn-lint

What cfn-lint does not find by itself. They are ordinary cfn-lint rules, for any template:

    pip install -e .                                # cfn-lint imports them by name
    cfn-lint TEMPLATE --append-rules builder.rules

The option takes all that follows it, so the templates come first. The folder's path does as well,
`--append-rules builder/rules`, as long as the package is installed; in this folder a bare `cfn-lint` has them from
`.cfnlintrc`. A rule speaks up only about what is sure before a deployment: it looks at a template in each combination
of its conditions that can come true, and a value that a parameter or a macro decides is left alone. What they find in
some thousand public templates, and why that is right, is in [corpus.md](corpus.md). As with any rule of cfn-lint's, a
resource's metadata can waive one: `Metadata: {cfn-lint: {config: {ignore_checks: [W9523]}}}`.
"""
_ACROSS = """
## Checks that span templates

`python -m builder lint` runs these over an assembly, after cfn-lint over each of its templates. They have no template
of their own to be waived in.
"""
_SEVERITIES = {"E": "error", "W": "warning", "I": "informational"}


def make_page() -> str:
    """Return the page's text: each rule and each check by its id, with severity, what it says and its source."""
    rules: list[type[Rule]] = [getattr(builder.rules, name) for name in builder.rules.__all__]
    blocks = [_rule(rule) for rule in sorted(rules, key=lambda rule: rule.id)]
    checks = [
        _block(check.id, check.severity, check.shortdesc, check.description, check.source) for check in CHECKS.values()
    ]
    return "\n".join([_HEAD, *blocks, _ACROSS, *checks])


def _rule(rule: type[Rule]) -> str:
    kind = f"{_SEVERITIES[rule.id[0]]}; {', '.join(rule.topics)}"
    return _block(rule.id, kind, rule.shortdesc, rule.description, rule.source_url)


def _block(name: str, kind: str, title: str, text: str, source: str) -> str:
    return f"### {name}\n\n**{title}** ({kind})\n\n{text} [Source]({source})\n"


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
