"""What a handler imports and nothing brings, in whichever file of the function it is imported."""

from pathlib import Path

import pytest

from builder.packing.imports import check_imports, find_missing
from builder.packing.source import NoSource


def missing(
    folder: Path, entry: str, files: dict[str, str], packages: tuple[str, ...] = (), runtime: str = ""
) -> list[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    runtime = runtime or ("python3.14" if entry.endswith(".py") else "nodejs24.x")
    own = {name: folder / name for name in files}
    return [f"{missed.file}:{missed.line} {missed.module}" for missed in find_missing(own, packages, entry, runtime)]


@pytest.mark.parametrize(
    "text",
    [
        "import json, os.path",
        "import boto3\nfrom botocore.config import Config",
        "import beside",
        "from package import thing",
        "import package.deep.module",
        "try:\n    import orjson\nexcept ImportError:\n    orjson = None",
        "try:\n    import orjson\nexcept (ValueError, ModuleNotFoundError):\n    orjson = None",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import orjson",
        "from __future__ import annotations",
        "import annotationlib, compression.zstd",
        "def f(): import json",
    ],
)
def test_what_lambda_has_or_lies_beside_is_not_missing(tmp_path: Path, text: str) -> None:
    files = {"beside.py": "", "package/__init__.py": "", "package/deep/module.py": "", "index.py": text}
    assert missing(tmp_path, "index.py", files) == []


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("import requests", "1 requests"),
        ("import json\nfrom pydantic.v1 import BaseModel", "2 pydantic.v1"),
        ("def f():\n    import yaml", "2 yaml"),
        ("try:\n    import yaml\nexcept ValueError: ...", "2 yaml"),
        ("try:\n    import json\nexcept ImportError:\n    import yaml", "4 yaml"),
        ("import cgi", "1 cgi"),
        ("if 1:\n    class A:\n        import yaml", "3 yaml"),
    ],
)
def test_what_nothing_brings_is_missing_with_its_line(tmp_path: Path, text: str, module: str) -> None:
    assert missing(tmp_path, "index.py", {"index.py": text})[0] == f"index.py:{module}"


def test_what_others_of_the_function_import_counts_and_what_nobody_imports_does_not(tmp_path: Path) -> None:
    files = {
        "app/__init__.py": "from . import settings",
        "app/settings.py": "import yaml",
        "app/main.py": "from .lib.deep import thing\nimport requests.adapters",
        "app/lib/deep.py": "from .. import other",
        "app/other.py": "import orjson",
        "tests/test_app.py": "import pytest",
    }
    assert missing(tmp_path, "app/main.py", files, ("requests/__init__.py", "six.py")) == [
        "app/settings.py:1 yaml",
        "app/other.py:1 orjson",
    ]
    packages = ("requests/__init__.py", "yaml/__init__.py", "orjson/orjson.cpython-314-aarch64-linux-gnu.so")
    assert missing(tmp_path, "app/main.py", files, packages) == []


def test_an_extension_and_a_folder_without_init_are_modules(tmp_path: Path) -> None:
    packages = ("_cffi.cpython-313-x86_64-linux-gnu.so", "google/cloud/storage/__init__.py")
    assert missing(tmp_path, "index.py", {"index.py": "import _cffi, google.cloud.storage"}, packages) == []


def test_what_only_a_newer_python_reads_is_not_judged(tmp_path: Path) -> None:
    assert missing(tmp_path, "index.py", {"index.py": "import new", "new.py": "def f(:\n  import yaml"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "const { readFile } = require('node:fs/promises'); require('crypto'); require('fs/promises');",
        "import { S3Client } from '@aws-sdk/client-s3';\nimport x from '@smithy/types';",
        "import './lib/a.js';\nexport * from \"./lib\";",
        "// require('left-pad')\n/* import x from 'left-pad'\n*/ const url = 'https://x.test'; // from 'y'",
        "import {\n  a,\n  b,\n} from './lib/a.js';",
        "import map from '#map';",
        "try {\n  require('bufferutil');\n} catch {}\nvar x = { 12: (m) => { m.exports = require('left-pad'); } };",
        "!function(){var e=require('left-pad')}();",
    ],
)
def test_what_node_has_or_lies_beside_is_not_missing(tmp_path: Path, text: str) -> None:
    files = {"index.mjs": text, "lib/a.js": "require('./b')", "lib/index.js": "", "lib/b.json": "{}"}
    assert missing(tmp_path, "index.mjs", files) == []


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("const x = require('left-pad');", "1 left-pad"),
        ("\nimport x from '@acme/left';", "2 @acme/left"),
        ("import {\n  a,\n} from 'left-pad/deep';", "3 left-pad/deep"),
        ("import 'left-pad';", "1 left-pad"),
        ("let { a, b: c } = require('aws-sdk')", "1 aws-sdk"),
        ("export { a } from 'left-pad'", "1 left-pad"),
    ],
)
def test_a_package_that_node_modules_lacks_is_missing(tmp_path: Path, text: str, module: str) -> None:
    packages = ("node_modules/other/node_modules/left-pad/index.js", "node_modules/@acme/right/index.js")
    assert missing(tmp_path, "index.js", {"index.js": text}, packages) == [f"index.js:{module}"]
    there = ("node_modules/left-pad/index.js", "node_modules/@acme/left/index.js", "node_modules/aws-sdk/x.js")
    assert missing(tmp_path, "index.js", {"index.js": text}, there) == []


def test_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text("import yaml\n")
    with pytest.raises(NoSource, match=r"index\.py, line 1: imports yaml, .*python3\.13.*requirements\.txt"):
        check_imports({"index.py": tmp_path / "index.py"}, (), ["index.py"], "python3.13")
