"""A function's folder: one file alone goes inline, everything else is packed, and nothing stays behind unsaid."""

import shutil
from pathlib import Path

import pytest

from builder.packing.read import BadHandler, Code, Handler, Inline, Packed, left_out, read_code
from builder.packing.recipe import FILES, PIP, ships_of
from builder.packing.source import files_below

PY = "def handler(event, context): ...\n"
JS = "exports.handler = async () => 1;\n"
PIN = "thing==1 --hash=sha256:" + "a" * 64 + "\n"


def read(
    root: Path,
    files: dict[str, str],
    handler: str = "index.handler",
    runtime: str = "python3.13",
    architecture: str = "x86_64",
) -> Code:
    shutil.rmtree(root / "code", ignore_errors=True)
    for name, text in files.items():
        (root / "code" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "code" / name).write_text(text)
    return read_code(root, Handler("code", handler, runtime, architecture))


@pytest.mark.parametrize(
    "beside",
    [
        *("README.md", "LICENSE", "tests/test_index.py", "test_index.py", "__pycache__/x.pyc", ".env", ".git/config"),
        *("requirements.txt", ".venv/lib/x.py", "venv/pyvenv.cfg", "index_test.py", "docs.md"),
    ],
)
def test_a_handler_alone_goes_inline_whatever_it_does_not_read_lies_beside(tmp_path: Path, beside: str) -> None:
    assert read(tmp_path, {"index.py": PY, beside: "# nothing"}) == Inline(PY)


@pytest.mark.parametrize(
    "beside",
    ["pkg/a.py", "data.json", "lib.py", "Readme2/x", "template.html", "node_modules/a/index.js", "index.pyi"],
)
def test_with_anything_beside_that_it_may_read_the_whole_folder_is_packed(tmp_path: Path, beside: str) -> None:
    code = read(tmp_path, {"index.py": PY, beside: "x = 1"})
    assert isinstance(code, Packed)
    assert (code.source, code.recipe.name, code.entry) == ("code", FILES, "index.py")


def test_a_file_that_would_be_renamed_is_packed(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, {"main.py": PY}, "main.handler"), Packed)
    assert isinstance(read(tmp_path, {"index.mjs": JS}, runtime="nodejs24.x"), Packed)
    assert read(tmp_path, {"index.js": JS}, runtime="nodejs24.x") == Inline(JS)
    assert read(tmp_path, {"index.py": "def other(): ...\n"}, "index.other") == Inline("def other(): ...\n")


def test_more_than_goes_inline_is_packed(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, {"index.py": PY + "#" * 4 * 1024 * 1024}), Packed)


@pytest.mark.parametrize(
    ("handler", "file", "runtime"),
    [
        ("app.main.handler", "app/main.py", "python3.13"),
        ("app/main.handler", "app/main.py", "python3.13"),
        ("app.handler", "app/__init__.py", "python3.13"),
        ("src/api/index.handler", "src/api/index.js", "nodejs24.x"),
        ("src/api/index.handler", "src/api/index.mjs", "nodejs24.x"),
        ("index.handler", "index.cjs", "nodejs24.x"),
    ],
)
def test_a_handler_is_found_where_lambda_looks_for_it(tmp_path: Path, handler: str, file: str, runtime: str) -> None:
    code = read(tmp_path, {file: PY if file.endswith(".py") else JS}, handler, runtime)
    assert isinstance(code, Packed)
    assert code.entry == file


@pytest.mark.parametrize(
    ("files", "handler", "runtime", "what"),
    [
        ({"index.py": "import requests\n" + PY}, "index.handler", "python3.13", "line 1: imports requests"),
        ({"index.py": "import a\n" + PY, "a.py": "import yaml"}, "index.handler", "python3.13", "a.py, line 1"),
        ({"index.js": "require('lodash');\n" + JS}, "index.handler", "nodejs24.x", "imports lodash"),
        ({"index.py": PY}, "index.main", "python3.13", "no `main`"),
        ({"index.py": PY}, "app.main.handler", "python3.13", "cannot read code/app/main.py"),
        ({"src/index.ts": JS}, "src/index.handler", "nodejs24.x", "src/index.ts is TypeScript"),
        ({"index.py": PY, "requirements.txt": "requests"}, "index.handler", "python3.13", "uv pip compile"),
        ({"index.py": PY, "poetry.lock": ""}, "index.handler", "python3.13", "poetry export"),
    ],
)
def test_what_would_not_run_is_refused(
    tmp_path: Path, files: dict[str, str], handler: str, runtime: str, what: str
) -> None:
    with pytest.raises(BadHandler) as caught:
        read(tmp_path, files, handler, runtime)
    assert what in str(caught.value)


def test_runtime_architecture_and_lock_file_are_in_the_id_and_what_is_not_packed_is_not(tmp_path: Path) -> None:
    files = {"index.py": PY, "requirements.txt": PIN}
    first = read(tmp_path, files)
    assert isinstance(first, Packed)
    assert first.recipe.name == PIP
    others = [
        read(tmp_path, files, runtime="python3.14"),
        read(tmp_path, files, architecture="arm64"),
        read(tmp_path, {**files, "requirements.txt": PIN.replace("==1", "==2")}),
    ]
    assert len({first.id, *(other.id for other in others if isinstance(other, Packed))}) == 4
    assert read(tmp_path, {**files, ".env": "SECRET=1", "__pycache__/x.pyc": ""}) == first


def test_a_folder_behind_a_link_is_refused(tmp_path: Path) -> None:
    read(tmp_path, {"index.py": PY, "lib.py": ""})
    (tmp_path / "other").symlink_to(tmp_path / "code")
    with pytest.raises(BadHandler, match="other leads through other, which is a symbolic link"):
        read_code(tmp_path, Handler("other", "index.handler", "python3.13", "x86_64"))


def test_secrets_are_not_packed_and_are_named(tmp_path: Path) -> None:
    read(tmp_path, {"index.py": PY, ".env": "", ".env.local": "", "lib.py": "", "sub/.npmrc": ""})
    folder = tmp_path / "code"
    assert [name for name, _ in files_below(folder, ships=ships_of(FILES, folder))] == ["index.py", "lib.py"]
    assert left_out(tmp_path, "code") == (".env", ".env.local")


def test_of_the_folder_of_dr_yaml_itself_the_handler_alone_is_taken(tmp_path: Path) -> None:
    (tmp_path / "dr.yaml").write_text("")
    (tmp_path / "index.py").write_text(PY)
    handler = Handler(".", "index.handler", "python3.13", "x86_64")
    assert read_code(tmp_path, handler) == Inline(PY)
    (tmp_path / "lib.py").write_text("")
    (tmp_path / "index.py").write_text("import lib\n" + PY)
    with pytest.raises(BadHandler, match="imports lib"):
        read_code(tmp_path, handler)
    (tmp_path / "main.py").write_text(PY)
    with pytest.raises(BadHandler, match="name a folder within it"):
        read_code(tmp_path, Handler(".", "main.handler", "python3.13", "x86_64"))
