"""Write the locked requirements, with hashes, that a new project and our release install from.

python scripts/lock.py     needs uv, from the dev extra, and a package index
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STARTER = ROOT / "builder" / "starter" / "files" / "requirements.txt"
RELEASE = ROOT / ".github" / "release-requirements.txt"
_TESTS = ("pytest >=8.4",)
_TOOLS = ("build", "check-wheel-contents", "pypi-attestations", "setuptools >=70.1", "twine >=6.1")
_HEAD = "# {what}; python scripts/lock.py of two-region-dr wrote it.\n"


def main() -> int:
    """Write both files and say so."""
    starter = _locked(("setup.cfg", "--extra", "local"), _TESTS, "3.11")
    STARTER.write_text(_HEAD.format(what="What two-region-dr and the tests need") + starter)
    RELEASE.write_text(_HEAD.format(what="What builds, inspects and publishes a release") + _locked((), _TOOLS, "3.13"))
    for path in (STARTER, RELEASE):
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def _locked(sources: tuple[str, ...], more: tuple[str, ...], python: str) -> str:
    """Return the requirements for every platform and every Python from this one on, each file with its hash."""
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write("\n".join(more))
        file.flush()
        return subprocess.run(  # noqa: S603 - a command of our own
            [
                *("uv", "pip", "compile", *sources, file.name, "--universal", "--python-version", python),
                *("--generate-hashes", "--no-annotate", "--no-header", "--quiet"),
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout


if __name__ == "__main__":
    sys.exit(main())
