"""Write docs/rules.md from the rules themselves.

    python scripts/rules_doc.py [--check]

With --check nothing is written, and the exit code is 3 where the file is stale.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import builder.rules
from builder.assembly.finding import CHECKS
from builder.rules._rule import Rule

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
HEAD = """\
# Rules

Made by `python scripts/rules_doc.py` from the rules themselves; a test fails when it is stale.

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
ACROSS = """
## Checks that span templates

`python -m builder lint` runs these over an assembly, after cfn-lint over each of its templates. They have no template
of their own to be waived in.
"""
SEVERITIES = {"E": "error", "W": "warning", "I": "informational"}


def main() -> int:
    """Write or compare the page and return the exit code."""
    page = make_page()
    if "--check" in sys.argv[1:]:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page
        print(f"{PAGE.name} is {'stale: python scripts/rules_doc.py' if stale else 'as the rules say'}")
        return 3 if stale else 0
    PAGE.write_text(page, encoding="utf-8")
    return 0


def make_page() -> str:
    """Return the page's text."""
    rules = [rule for rule in vars(builder.rules).values() if isinstance(rule, type) and issubclass(rule, Rule)]
    blocks = [_block(*facts) for facts in sorted(_rules(rules))]
    checks = [_block(one.id, one.severity, one.shortdesc, one.description, one.source, "") for one in CHECKS.values()]
    return "\n".join([HEAD, *blocks, ACROSS, *checks])


def _rules(rules: list[type[Rule]]) -> Iterator[tuple[str, str, str, str, str, str]]:
    for rule in rules:
        topics = ", ".join(rule.topics)
        yield rule.id, SEVERITIES[rule.id[0]], rule.shortdesc, rule.description, rule.source_url, topics


def _block(*facts: str) -> str:
    name, severity, title, text, source, topics = facts
    tail = f"{severity}; {topics}" if topics else severity
    return f"### {name}\n\n**{title}** ({tail})\n\n{text} [Source]({source})\n"


if __name__ == "__main__":
    sys.exit(main())
