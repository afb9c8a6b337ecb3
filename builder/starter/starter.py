"""The files of a new project: dr.yaml and its schema, the handlers, tests, locked requirements and a workflow."""

import hashlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from builder.errors import BadInput, of_file
from builder.template import may_be_no_text

_HERE = Path(__file__).parent
# In a checkout the handlers are in lambda/; setup.py puts them here when it makes a wheel.
_INSTALLED_HANDLERS = _HERE / "handlers"
_HANDLERS = _INSTALLED_HANDLERS if _INSTALLED_HANDLERS.is_dir() else _HERE.parents[1] / "lambda"
_PROJECT_CHARACTERS = 20
_REQUIREMENTS = "requirements.txt"
_WHEEL = re.compile(r"two_region_dr-[A-Za-z0-9.+!_]+-py3-none-any\.whl")
# The builder's own line in the requirements, whichever version it is.
_WHEEL_LINE = re.compile(r"^\./vendor/two_region_dr-.*\n", re.MULTILINE)


def read_starter(folder_name: str) -> dict[str, bytes]:
    """Return the new files by their paths; the project is called after the folder, as far as names can be."""
    project = _project(folder_name)
    return {
        "dr.yaml": _filled("dr.yaml", project),
        "dr.schema.json": (_HERE.parent / "config" / "dr.schema.json").read_bytes(),
        "lambda/python/index.py": (_HANDLERS / "python" / "index.py").read_bytes(),
        "lambda/nodejs/index.js": (_HANDLERS / "nodejs" / "index.js").read_bytes(),
        "tests/test_templates.py": _filled("test_templates.txt", project),
        _REQUIREMENTS: _filled("requirements.txt", project),
        ".github/workflows/deploy.yml": _filled("deploy.yml", project),
        ".gitignore": _filled("gitignore", project),
        "README.md": _filled("README.md", project),
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
    _write(folder, files)


def add_wheel(requirements: bytes, wheel: Path) -> dict[str, bytes]:
    """Return the files by which a project installs the builder: its wheel in `vendor/`, and the line that pins it.

    Raises BadInput for a file that is no wheel of the builder's.
    """
    if not _WHEEL.fullmatch(wheel.name):
        raise BadInput(
            where=f"--wheel {wheel}",
            what="is no wheel of two-region-dr (two_region_dr-VERSION-py3-none-any.whl)",
            next_step="python -m pip wheel --no-deps PATH_OF_A_CHECKOUT    makes one",
        )
    try:
        data = wheel.read_bytes()
        with zipfile.ZipFile(wheel) as archive:
            archive.getinfo("builder/__main__.py")
    except OSError as error:
        raise of_file(error, f"--wheel {wheel}", doing="read") from error
    except (KeyError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise BadInput(where=f"--wheel {wheel}", what="holds no builder") from error
    line = f"./vendor/{wheel.name} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n"
    text = _WHEEL_LINE.sub("", requirements.decode())
    return {_REQUIREMENTS: (text + line).encode(), f"vendor/{wheel.name}": data}


def pin_wheel(folder: Path, wheel: Path) -> tuple[str, ...]:
    """Put a wheel of the builder into a project that stands, in place of an earlier one; return what was written.

    Raises BadInput where the folder is no project.
    """
    try:
        requirements = (folder / _REQUIREMENTS).read_bytes()
    except OSError as error:
        next_step = "python -m builder init EMPTY_FOLDER --wheel FILE"
        raise of_file(error, folder / _REQUIREMENTS, doing="read", next_step=next_step) from error
    files = add_wheel(requirements, wheel)
    _write(folder, files)
    return tuple(files)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as error:
        raise of_file(error, folder, doing="written to") from error


def _filled(name: str, project: str) -> bytes:
    # A folder may be called `no`, which is no text to every YAML reader.
    name_in_file = f"'{project}'" if name.endswith(".yaml") and may_be_no_text(project) else project
    return (_HERE / "files" / name).read_text(encoding="utf-8").replace("__project__", name_in_file).encode()


def _project(folder_name: str) -> str:
    words = re.sub("[^a-z0-9]+", "-", folder_name.lower()).lstrip("-0123456789")
    return words[:_PROJECT_CHARACTERS].rstrip("-") or "tap"
