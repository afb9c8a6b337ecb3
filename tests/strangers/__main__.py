"""Run the strangers over templates/ and hold what they find against accepted.yaml; exit 1 where the two differ.

parliament reads the policies of every combination of options as well, in which it is to find nothing else.
"""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from builder.assembly import read_assembly
from components.combinations import combinations, policies_of
from strangers.judges import ask_checkov, ask_parliament
from strangers.policies import concrete_policies
from strangers.verdict import differences, read_accepted

TEMPLATES = Path(__file__).parents[2] / "templates"


def main() -> int:
    """Print a line for each difference and a line for the whole; return the exit code."""
    policies = concrete_policies(read_assembly(TEMPLATES))
    others = [
        replace(policy, place=f"combinations {policy.place.partition(' ')[2]}")
        for policy in policies_of(combinations())
    ]
    findings = [*ask_checkov(TEMPLATES), *ask_parliament([*policies, *others])]
    differing = differences(findings, read_accepted())
    for line in differing:
        print(line)
    counts = Counter(finding.tool for finding in findings)
    per_tool = ", ".join(f"{tool} {counts[tool]}" for tool in ("checkov", "parliament"))
    print(f"{len(policies)} policies, and {len(others)} of combinations; findings: {per_tool}")
    print(f"{len(differing)} not as accepted.yaml lists them")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
