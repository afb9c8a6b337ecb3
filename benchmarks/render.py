"""How much `python -m builder render` costs over bare troposphere: whole processes, in turn, the median of the ratios.

Processor time, not wall time: none of the three waits for anything, and what else the machine does is left out.

    python benchmarks/render.py [RUNS]

Two floors: a script with troposphere alone that writes the same templates (`bare_render.py`), and the same script
with our imports and models added. Exits 1 where a ratio is over its limit, or where the templates are not the same.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from cfn_flip import to_json

ROOT = Path(__file__).resolve().parent.parent
HANDLER = str(ROOT / "lambda/python/index.py")
BARE = str(ROOT / "benchmarks/bare_render.py")
# What render imports, and the models it reads dr.yaml into; the templates are still made by the bare script.
WITH_OUR_IMPORTS = """
import runpy, sys
import builder.cli.main, builder.assembly.render
from pathlib import Path
from builder.config import read_wanted
read_wanted(Path(sys.argv.pop(1)))
runpy.run_path(sys.argv.pop(1))
"""
LIMITS = {"bare": 2.3, "imports": 1.15}


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as scratch:
        commands = make_commands(Path(scratch))
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs + 1):
            for name, command in commands.items():
                empty(Path(scratch) / name)
                times[name].append(measure(command))
        if not same_templates(Path(scratch)):
            print("the bare script does not write the same templates")
            return 1
    code = 0
    for floor, limit in LIMITS.items():
        pairs = list(zip(times["render"][1:], times[floor][1:], strict=True))
        ratio = statistics.median(render / bare for render, bare in pairs)
        render_s, floor_s = (statistics.median(figures) for figures in zip(*pairs, strict=True))
        print(
            f"render / {floor}: {ratio:.2f} (at most {limit}), the median of {runs} pairs; "
            f"medians {render_s * 1000:.0f} ms and {floor_s * 1000:.0f} ms"
        )
        code |= ratio > limit
    return int(code)


def make_commands(scratch: Path) -> dict[str, list[str]]:
    """Each writes its templates below a folder of its own."""
    (scratch / "render").mkdir()
    config = scratch / "render" / "dr.yaml"
    source = f"source: {ROOT / 'lambda/python'}"
    config.write_text((ROOT / "dr.yaml").read_text().replace("source: lambda/python", source))
    python = sys.executable
    return {
        "render": [python, "-m", "builder", "--config", str(config), "render"],
        "bare": [python, BARE, HANDLER, str(scratch / "bare" / "templates")],
        "imports": [python, "-c", WITH_OUR_IMPORTS, str(config), BARE, HANDLER, str(scratch / "imports" / "templates")],
    }


def empty(folder: Path) -> None:
    for file in folder.glob("templates/**/*.*"):
        file.unlink()


def measure(command: list[str]) -> float:
    """Return the seconds of processor time that a whole process takes, its interpreter's start and end included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def same_templates(scratch: Path) -> bool:
    trees = [
        {
            path.relative_to(scratch / name): json.loads(to_json(path.read_text()))  # type: ignore[no-untyped-call]  # cfn_flip has no types
            for path in (scratch / name).glob("templates/*/*.yaml")
        }
        for name in ("render", "bare", "imports")
    ]
    return trees[0] == trees[1] == trees[2] and len(trees[0]) > 0


if __name__ == "__main__":
    sys.exit(main())
