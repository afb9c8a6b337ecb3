"""Refresh everything that is generated and committed: templates/, tests/golden/ and the JSON Schema of dr.yaml.

python scripts/goldens.py
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from builder.assembly import write_assembly
from builder.assembly.render import make_assembly
from builder.config import read_wanted
from builder.config.schema import SCHEMA, make_schema

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Write what is stale and say so."""
    for path in refreshed():
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def refreshed() -> Iterator[Path]:
    """Write each generated file that is stale, and yield it."""
    if SCHEMA.read_bytes() != make_schema():
        SCHEMA.write_bytes(make_schema())
        yield SCHEMA
    for config in (ROOT / "dr.yaml", *sorted((ROOT / "tests" / "golden").glob("*/dr.yaml"))):
        folder = config.parent / "templates"
        yield from (folder / path for path in write_assembly(folder, make_assembly(read_wanted(config))))


if __name__ == "__main__":
    sys.exit(main())
