"""Print what this project's rules, and nothing else, find in a folder of other people's templates.

    python scripts/corpus.py DIR [REGION]

One line a finding and a count a rule at the end, to be looked at one by one: a rule that is wrong here is wrong for
somebody. Files that are no templates are passed over. Exits 1 where a rule broke (E0002), else 0.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode
from cfnlint.rules import Match, Rules  # type: ignore[attr-defined]  # documented there, exported implicitly
from cfnlint.runner import run_template_by_file_path

SUFFIXES = {".yaml", ".yml", ".json", ".template"}


def main() -> int:
    """Lint all of a folder and return the exit code."""
    folder, region = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "us-east-1"
    rules = Rules.create_from_module("builder.rules")
    # What a rule that breaks is told as.
    rules.update(Rules.create_from_module("cfnlint.rules.errors"))
    config = ConfigMixIn(["--config-file", "/dev/null", "--include-checks", "I", "--regions", region])
    counts: Counter[str] = Counter()
    templates = 0
    for path in find_templates(folder):
        templates += 1
        for match in lint(path, config, rules):
            counts[match.rule.id] += 1
            print(f"{path.relative_to(folder)}:{match.linenumber}: {match.rule.id} {match.message}")
    print(
        f"{templates} templates; {', '.join(f'{name} {count}' for name, count in sorted(counts.items())) or 'nothing'}"
    )
    return int("E0002" in counts)


def find_templates(folder: Path) -> Iterator[Path]:
    """Yield every file that is a template, in order; not those with an empty section, on which cfn-lint breaks."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in SUFFIXES and path.is_file():
            template, faults = decode(str(path))
            if not faults and isinstance(template, dict) and "Resources" in template and None not in template.values():
                yield path


def lint(path: Path, config: ConfigMixIn, rules: Rules) -> list[Match]:
    """Return what the rules find in a file."""
    return list(run_template_by_file_path(str(path), config, rules, ignore_bad_template=True))


if __name__ == "__main__":
    sys.exit(main())
