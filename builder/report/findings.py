"""What linting found, as plain text; pure, and apart from `text`, which brings the whole deployer with it."""

from collections.abc import Sequence

from builder.assembly.finding import Finding


def as_text(found: Sequence[Finding]) -> str:
    """Return one line for each finding: where, which rule, what; and how many there are."""
    lines = [f"{one.file}:{one.line}:{one.column}: {one.rule} {one.message}" for one in found]
    count = f"{len(found)} finding{'s' if len(found) > 1 else ''}" if found else "no findings"
    return "\n".join([*lines, count])
