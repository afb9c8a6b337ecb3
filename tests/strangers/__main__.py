"""Run the strangers over templates/ and hold what they find against accepted.yaml; exit 1 where the two differ."""

import sys
from collections import Counter
from pathlib import Path

from builder.assembly import read_assembly
from strangers.judges import ask_checkov, ask_parliament
from strangers.policies import concrete_policies
from strangers.verdict import differences, read_accepted

TEMPLATES = Path(__file__).parents[2] / "templates"


def main() -> int:
    """Print a line for each difference and a line for the whole; return the exit code."""
    policies = concrete_policies(read_assembly(TEMPLATES))
    found = [*ask_checkov(TEMPLATES), *ask_parliament(policies)]
    differing = differences(found, read_accepted())
    for line in differing:
        print(line)
    counts = Counter(finding.tool for finding in found)
    said = ", ".join(f"{tool} {counts[tool]}" for tool in ("checkov", "parliament"))
    print(f"{len(policies)} policies; findings: {said}; {len(differing)} not as accepted.yaml lists them")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
