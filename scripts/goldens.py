"""Refresh everything that is generated and committed.

That is templates/, tests/golden/, the JSON Schemas and the README's picture.

python scripts/goldens.py
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from builder.assembly import write_assembly
from builder.assembly.assets import make_schema as make_assets_schema
from builder.assembly.diagram import make_diagram
from builder.assembly.manifest import make_schema as make_manifest_schema
from builder.assembly.render import make_assembly
from builder.config import load_config
from builder.config.schema import SCHEMA, make_schema
from builder.report import offline
from builder.report.schema import make_event_schema as make_events_schema
from builder.report.schema import make_report_schema as make_drill_schema

ROOT = Path(__file__).resolve().parent.parent
EVENTS = ROOT / "docs" / "events.schema.json"
DRILL = ROOT / "docs" / "drill.schema.json"
MANIFEST = ROOT / "docs" / "manifest.schema.json"
ASSETS = ROOT / "docs" / "assets.schema.json"
PLANS = ROOT / "tests" / "golden" / "plans"
sys.path.insert(0, str(ROOT / "tests"))  # where the fake AWS is that plans are recorded from

from report.recordings import RECORDED, goldens  # noqa: E402


def main() -> int:
    """Write what is stale and say so."""
    for path in refreshed():
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def refreshed() -> Iterator[Path]:
    """Write each generated file that is stale, and yield it."""
    yield from _written(SCHEMA, make_schema())
    yield from _written(EVENTS, make_events_schema())
    yield from _written(DRILL, make_drill_schema())
    yield from _written(MANIFEST, make_manifest_schema())
    yield from _written(ASSETS, make_assets_schema())
    assembly = make_assembly(load_config(ROOT / "dr.yaml"))
    yield from (ROOT / "templates" / path for path in write_assembly(ROOT / "templates", assembly).paths)
    readme = ROOT / "README.md"
    yield from _written(readme, _pictured(readme.read_text(), offline.mermaid_diagram(make_diagram(assembly))).encode())
    for config in sorted((ROOT / "tests" / "golden").glob("*/dr.yaml")):
        yield from _refreshed_golden(config)
    for name in RECORDED:
        for file, text in goldens(name).items():
            yield from _written(PLANS / file, text.encode())


def _refreshed_golden(config: Path) -> Iterator[Path]:
    assembly, folder = make_assembly(load_config(config)), config.parent
    yield from (folder / "templates" / path for path in write_assembly(folder / "templates", assembly).paths)
    shown = make_diagram(assembly)
    yield from _written(folder / "graph.mmd", offline.mermaid_diagram(shown).encode())
    yield from _written(folder / "graph.dot", offline.dot_diagram(shown).encode())


def _pictured(page: str, picture: str) -> str:
    """Return the page with the picture in place of its first Mermaid block."""
    return re.sub(r"(?<=```mermaid\n).*?(?=```\n)", lambda _: picture, page, count=1, flags=re.DOTALL)


def _written(path: Path, data: bytes) -> Iterator[Path]:
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)
        yield path


if __name__ == "__main__":
    sys.exit(main())
