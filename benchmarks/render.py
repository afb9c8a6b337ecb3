"""How much `python -m builder render` costs over bare troposphere: whole processes, in turn, the median of the ratios.

Processor time, not wall time: none of the three waits for anything, and what else the machine does is left out.

    python benchmarks/render.py [RUNS]

Two floors: a script with troposphere alone that writes the same templates (`bare_render.py`), and the same script
with our imports and models added. Then the first one again for thirty components more, ten of each kind. Exits 1
where a ratio is over its limit, or where the templates are not the same.
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
# What render imports, and the models it reads dr.yaml into, in a process like its own; the templates are still made by
# the bare script.
WITH_OUR_IMPORTS = """
import runpy, sys
import builder.__main__
builder.__main__.spare()
import builder.cli.main, builder.assembly.render
from pathlib import Path
from builder.config import load_config
load_config(Path(sys.argv.pop(1)))
runpy.run_path(sys.argv.pop(1))
"""
LIMITS = {"bare": 2.3, "imports": 1.15}
MANY = 10
LIMIT_OF_MANY = 2.5
NAMED = f"""
tables: {{{", ".join(f"t{number}: {{}}" for number in range(MANY))}}}
buckets: {{{", ".join(f"b{number}: {{}}" for number in range(MANY))}}}
functions: {{{", ".join(f"f{number}: {{source: {ROOT / 'lambda/python'}, url_auth: NONE}}" for number in range(MANY))}}}
"""


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    code = compare(runs, LIMITS, 0)
    return code or compare(max(3, runs // 3), {"bare": LIMIT_OF_MANY}, MANY)


def compare(runs: int, limits: dict[str, float], count: int) -> int:
    """Return 0 where no ratio is over its limit, with so many components of each kind by name."""
    with tempfile.TemporaryDirectory() as scratch:
        commands = {
            name: made for name, made in make_commands(Path(scratch), count).items() if name in {"render", *limits}
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs + 1):
            for name, command in commands.items():
                empty(Path(scratch) / name)
                times[name].append(measure(command))
        if not same_templates(Path(scratch), [*commands]):
            print("the bare script does not write the same templates")
            return 1
    code = 0
    for floor, limit in limits.items():
        pairs = list(zip(times["render"][1:], times[floor][1:], strict=True))
        ratio = statistics.median(render / bare for render, bare in pairs)
        render_s, floor_s = (statistics.median(figures) for figures in zip(*pairs, strict=True))
        print(
            f"render / {floor}{f', {3 * count} components more' if count else ''}: {ratio:.2f} (at most {limit}), "
            f"the median of {runs} pairs; "
            f"medians {render_s * 1000:.0f} ms and {floor_s * 1000:.0f} ms"
        )
        code |= ratio > limit
    return int(code)


def make_commands(scratch: Path, count: int) -> dict[str, list[str]]:
    """Each writes its templates below a folder of its own."""
    (scratch / "render").mkdir()
    config = scratch / "render" / "dr.yaml"
    source = f"source: {ROOT / 'lambda/python'}"
    text = (ROOT / "dr.yaml").read_text().replace("source: lambda/python", source)
    config.write_text(text + NAMED if count else text)
    python = sys.executable
    return {
        "render": [python, "-m", "builder", "--config", str(config), "render"],
        "bare": [python, BARE, HANDLER, str(scratch / "bare" / "templates"), str(count)],
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


def same_templates(scratch: Path, names: list[str]) -> bool:
    trees = [
        {
            path.relative_to(scratch / name): json.loads(to_json(path.read_text()))  # type: ignore[no-untyped-call]  # cfn_flip has no types
            for path in (scratch / name).glob("templates/*/*.yaml")
        }
        for name in names
    ]
    return all(tree == trees[0] for tree in trees) and len(trees[0]) > 0


if __name__ == "__main__":
    sys.exit(main())
