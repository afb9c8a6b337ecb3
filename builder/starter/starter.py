"""The files of a new project: dr.yaml, its schema, both handlers and a workflow."""

import re
from collections.abc import Mapping
from pathlib import Path

from builder import __version__
from builder.assembly.template_text import may_be_no_text
from builder.errors import BadInput

_HERE = Path(__file__).parent
# In a checkout the handlers are in lambda/; setup.py puts them here when it makes a wheel.
_INSTALLED_HANDLERS = _HERE / "handlers"
_HANDLERS = _INSTALLED_HANDLERS if _INSTALLED_HANDLERS.is_dir() else _HERE.parents[1] / "lambda"
_PROJECT_CHARACTERS = 20


def read_starter(folder_name: str) -> dict[str, bytes]:
    """Return the new files by their paths; the project is called after the folder, as far as names can be."""
    said = {"__project__": _project(folder_name), "__version__": __version__}
    return {
        "dr.yaml": _filled("dr.yaml", said),
        "dr.schema.json": (_HERE.parent / "config" / "dr.schema.json").read_bytes(),
        "lambda/python/index.py": (_HANDLERS / "python" / "index.py").read_bytes(),
        "lambda/nodejs/index.js": (_HANDLERS / "nodejs" / "index.js").read_bytes(),
        ".github/workflows/deploy.yml": _filled("deploy.yml", said),
    }


def write_starter(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files into a folder, which is made where there is none.

    Raises BadInput, before anything is written, if one of them is there already.
    """
    if there := [path for path in files if (folder / path).exists()]:
        raise BadInput(
            where=str(folder),
            what=f"has {', '.join(there)} already, and nothing is overwritten",
            next_step="python -m builder init EMPTY_FOLDER",
        )
    try:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as error:
        raise BadInput(where=str(folder), what=f"cannot be written to ({error.strerror})") from error


def _filled(name: str, said: Mapping[str, str]) -> bytes:
    text = (_HERE / "files" / name).read_text(encoding="utf-8")
    for placeholder, value in said.items():
        text = text.replace(placeholder, value)
    return text.encode()


def _project(folder_name: str) -> str:
    words = re.sub("[^a-z0-9]+", "-", folder_name.lower()).lstrip("-0123456789")
    project = words[:_PROJECT_CHARACTERS].rstrip("-") or "tap"
    # A folder may be called `no`, which is no text to every YAML reader.
    return f"'{project}'" if may_be_no_text(project) else project
