"""Names that say nothing to a reader are not used: a variable is called by the noun of what it holds."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("builder", "tests", "scripts", "benchmarks")
# fmt: off
BANNED = {
    "aim", "aimed", "aims", "asked", "at_hand", "begun", "brake", "carry_out", "course", "demolition",
    "elsewhere", "emptied", "found", "ground", "handed", "in_hand", "look", "looks", "one", "onlooker",
    "outline", "promised", "rendered", "said", "scene", "seal", "standing", "stands", "stray", "strays",
    "told", "trip", "trips", "twin", "wanted", "wish", "wreck",
}
# fmt: on
"""As whole names: `asked_s` and `FoundStack` say what they are."""
_GLOSSARY = "how a stack stood when it was planned: a word of docs/glossary.md"
EXCEPTIONS = {
    "builder/deploy/change_sets/steps.py": {"found": _GLOSSARY},
    "builder/deploy/draft/creation.py": {"found": _GLOSSARY},
    "builder/deploy/draft/parts.py": {"found": _GLOSSARY},
    "builder/deploy/draft/records.py": {"found": _GLOSSARY},
    "builder/deploy/records.py": {"found": _GLOSSARY, "standing": "a field of saved plans, which keep it"},
    "builder/fleet/records.py": {"asked": "a field of the saved plans of fleets, which keep it"},
}
"""Of each module the banned words that it may use, and why."""


def test_no_name_in_the_tree_is_a_riddle() -> None:
    used = _used()
    excepted = {(path, word) for path, words in EXCEPTIONS.items() for word in words}
    assert {key: lines for key, lines in used.items() if key not in excepted} == {}, "call it by what it holds"
    assert excepted - used.keys() == set(), "this exception is needed no more"


def _used() -> dict[tuple[str, str], list[int]]:
    """Return the lines that bind a banned word, by module and word."""
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for word, line in _riddles(ast.parse(path.read_text())):
            lines[path.relative_to(ROOT).as_posix(), word].append(line)
    return lines


def _riddles(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each banned word that a tree binds as a name, and its line."""
    for node in ast.walk(tree):
        for name in _bound(node):
            if (word := name.strip("_").lower()) in BANNED:
                yield word, getattr(node, "lineno", 0)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a node binds, those of attributes and of imports under another name included."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)) | ast.alias(asname=str(name)):
            yield name
        case _:
            pass


@pytest.mark.parametrize(
    "source",
    [
        "found = 1",
        "_found: int = 1",
        "first, (found, *others) = row",
        "for found in rows: pass",
        "rows = [found for found in rows]",
        "if found := read(): pass",
        "with read() as found: pass",
        "def found(): pass",
        "async def _found(): pass",
        "def read(*, found): pass",
        "def read(*found): pass",
        "read = lambda found: found",
        "class Found: pass",
        "class Record:\n    found: int",
        "self._found = 1",
        "from rows import read as found",
        "try: pass\nexcept OSError as found: pass",
        "match row:\n    case [found]: pass",
        "match row:\n    case [*found]: pass",
        "match row:\n    case {**found}: pass",
        "match row:\n    case int() as found: pass",
    ],
)
def test_a_riddle_is_seen_wherever_it_is_bound(source: str) -> None:
    assert [word for word, _ in _riddles(ast.parse(source))] == ["found"]


def test_what_is_read_and_what_says_more_is_no_riddle() -> None:
    source = "asked_s = found.told\nprint(one)\nread(wanted=1)\nis_begun = FoundStack = None\n'told'\n"
    assert list(_riddles(ast.parse(source))) == []
