"""The picture of the house against the tree, its words, and what its modules promise in one word: `pure`."""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BUILDER = ROOT / "builder"
PICTURE = re.search(r"```text\nbuilder/\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(), re.DOTALL)
# A clock, the environment, the network, other processes, waiting.
IMPURE = {"asyncio", "boto3", "botocore", "concurrent", "os", "socket", "subprocess", "threading", "time", "urllib3"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
IMPURE_CALLS = {"datetime.now", "datetime.utcnow", "date.today", "Path.cwd", "Path.home", "open", "input"}


def test_the_picture_of_the_house_is_the_tree() -> None:
    assert PICTURE is not None
    drawn: dict[str, set[str]] = defaultdict(set)
    room = ""
    for line in PICTURE.group(1).splitlines():
        indent = len(line) - len(line.lstrip())
        words = [word for word in re.split(r"\s{2,}", line.strip())[0].split() if word.endswith(("/", ".py"))]
        if indent == 2 and words:
            room = words[0].rstrip("/")
        drawn["" if indent == 2 else room].update(word.rstrip("/") for word in words)
    inside = {name: _entries(BUILDER / name) for name in drawn if name}
    assert drawn[""] == _entries(BUILDER) | {f"{path.name}" for path in BUILDER.glob("*.py") if path.stem[0] != "_"}
    assert {name: drawn[name] for name in inside} == inside
    assert {name for name in drawn[""] if _entries(BUILDER / name)} == {name for name in drawn if name}


@functools.cache
def _modules() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in sorted(BUILDER.rglob("*.py"))}


def _entries(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/__init__.py")} - {"page", "files"}


def test_every_package_imports_what_the_table_says_and_nothing_else() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (\w+) \| (.*?) \| .*? \|$", page.partition("| package | imports")[2], re.MULTILINE)
    table = {
        package: re.findall(r"`([a-z_/*]+)`", imports) for package, imports in rows if package in _entries(BUILDER)
    }
    assert table.keys() == _entries(BUILDER)
    taken: dict[str, set[str]] = defaultdict(set)
    for path, tree in _modules().items():
        package = path.relative_to(BUILDER).parts[0]
        taken[package] |= {
            module for node in ast.walk(tree) for module in _ours(node) if not module.startswith(package)
        }
    del table["cli"]
    free = {"errors", "terms", "graph", ""}
    beyond = {
        package: sorted(
            module for module in taken[package] - free if not any(_is_in(module, place) for place in places)
        )
        for package, places in table.items()
    }
    assert {package: modules for package, modules in beyond.items() if modules} == {}
    unused = {
        package: sorted(place for place in places if not any(_is_in(module, place) for module in taken[package]))
        for package, places in table.items()
    }
    assert {package: places for package, places in unused.items() if places} == {}


def _ours(node: ast.AST) -> Iterator[str]:
    """Yield which modules a statement imports of ours: `deploy/records`."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "builder":
        path = "/".join((node.module or "").split(".")[1:])
        inner = (
            {alias.name for alias in node.names} & {each.stem for each in (BUILDER / path).iterdir()}
            if (BUILDER / path).is_dir()
            else set()
        )
        yield from (f"{path}/{name}".strip("/") for name in inner)
        if len(inner) < len(node.names):
            yield path


def _is_in(module: str, place: str) -> bool:
    return fnmatch(module, place) or fnmatch(module, f"{place}/*")


@pytest.mark.slow
def test_what_is_to_be_changed_is_where_it_is_said_to_be() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = page.partition("## Where to change what")[2].partition("\n## ")[0].splitlines()[4:]
    named = [
        (file, names)
        for row in rows
        for file, names in re.findall(r"`([a-z_/]+\.py)`(?:: (`\w+`(?:(?:,| and) `\w+`)*))?", row)
    ]
    assert len(named) > 12
    defined = {
        str(path.relative_to(BUILDER)): {node.name for node in ast.walk(tree) if isinstance(node, _DEFINITIONS)}
        for path, tree in _modules().items()
    }
    missing = [
        (file, name)
        for file, names in named
        for name in re.findall(r"\w+", names)
        if name != "and" and name not in defined.get(file, ())
    ]
    assert missing == []
    assert [file for file, _ in named if file not in defined] == []


@pytest.mark.slow
def test_no_modules_import_each_other_in_a_circle_neither_inside_functions_nor_for_types() -> None:
    trees = {".".join(path.relative_to(ROOT).with_suffix("").parts): tree for path, tree in _modules().items()}
    modules = {name.removesuffix(".__init__"): tree for name, tree in trees.items()}
    needs = {
        name: {
            module if (module := f"{node.module}.{alias.name}") in modules else node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        - {name}
        for name, tree in modules.items()
    }
    assert len([*TopologicalSorter(needs).static_order()]) > len(modules)


def test_what_calls_itself_pure_knows_no_aws_no_clock_and_no_environment() -> None:
    broken = {str(path.relative_to(ROOT)): sorted(faults) for path, faults in _impure() if faults}
    assert broken == {}


def _impure() -> Iterator[tuple[Path, set[str]]]:
    pure = [
        path
        for path, tree in _modules().items()
        if re.search(r"\bpure\b", (ast.get_docstring(tree) or "").split("\n\n")[0])
    ]
    assert len(pure) > 30
    for path in pure:
        nodes = list(ast.walk(_modules()[path]))
        imported = {name for node in nodes for name in _imported(node)}
        impure = {name for name in imported if name.split(".")[0] in IMPURE or name.startswith("builder.aws")}
        impure |= {f"async {node.name}" for node in nodes if isinstance(node, ast.AsyncFunctionDef)}
        impure |= {f"{ast.unparse(node.func)}()" for node in nodes if isinstance(node, ast.Call)} & {
            f"{name}()" for name in IMPURE_CALLS
        }
        yield path, impure


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module


def test_no_two_modules_define_one_noun_for_two_things() -> None:
    defined: dict[str, set[str]] = defaultdict(set)
    for path, tree in _modules().items():
        # The rules are anybody's, the embedded AWS shares nothing with what it proves: they have words of their own.
        if path.relative_to(BUILDER).parts[0] not in {"local", "rules"}:
            for noun in _nouns(tree):
                defined[noun].add(str(path.relative_to(BUILDER)))
    assert len(defined) > 500
    assert {noun: sorted(modules) for noun, modules in defined.items() if len(modules) > 1} == {}


def _nouns(tree: ast.Module) -> Iterator[str]:
    """Yield the public classes and type aliases of a module."""
    for node in tree.body:
        names: list[str] = []
        if isinstance(node, ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.BinOp, ast.Name, ast.Subscript)):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        yield from (name for name in names if re.match(r"[A-Z][a-z]", name))


def test_the_glossary_is_short() -> None:
    rows = [line for line in (ROOT / "docs" / "glossary.md").read_text().splitlines() if line.startswith("| ")]
    assert 15 <= len(rows) - 2 <= 25
