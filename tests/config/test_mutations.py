"""A good file, mutated in any way, renders, or its errors are listed and nothing is written."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.assembly import read_assembly
from builder.cli.main import main
from config.project import GOOD, Project

DRILL = 'drill: {fis: {stop_alarms: [errors]}, probe: {write: "PUT /items/{id}", read: "GET /items/{id}"}}\n'
FULL = GOOD + DRILL
ODD = ("- ", ": ", "\t", "\n", "\r", "\0", "\x85", "\u2028", "9" * 5000, "us-west-9", "cn-north-1", "nodejs22.x")
YAML = ("no", "~", "0777", "1e400", "!Ref", "*a", "&a", "<<", "{", "]", "#", "---", "...", "'", '"', "🙂")
WORDS = st.sampled_from((*ODD, *YAML))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def edited_texts(draw: st.DrawFn) -> str:
    """The good file with pieces of it cut out, doubled, or replaced by odd words."""
    text = FULL
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 12))
        piece = draw(WORDS | st.text(max_size=4) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


@st.composite
def edited_trees(draw: st.DrawFn) -> str:
    """The good file with some keys left out, misspelled, or of another value."""
    tree = yaml.safe_load(FULL)
    for _ in range(draw(st.integers(1, 3))):
        inner = tree
        while nested := [key for key in inner if isinstance(inner[key], dict) and inner[key]]:
            if draw(st.booleans()):
                break
            inner = inner[draw(st.sampled_from(nested))]
        if inner:
            key = draw(st.sampled_from(sorted(inner)))
            value = inner.pop(key)
            if not draw(st.booleans()):
                inner[draw(st.just(key) | st.text(max_size=8))] = draw(VALUES | st.just(value))
    return yaml.safe_dump(tree, allow_unicode=draw(st.booleans()), sort_keys=False)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=edited_texts() | edited_trees())
def test_a_mutated_file_renders_or_is_told_what_is_wrong(dr: Project, text: str) -> None:
    dr.write(text)
    templates = Path("templates")
    before = state(templates)

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["--config", "dr.yaml", "render"])

    if code == 0:
        assert read_assembly(templates).manifest.stacks
    else:
        assert code == 2, err.getvalue()
        assert "dr.yaml" in err.getvalue()
        assert state(templates) == before
    assert not [path for path in dr.folder.iterdir() if path.name.startswith(".")]


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("text", ["", "project: tap", "%", "\ufeff"])
def test_a_stump_of_a_file_is_told(dr: Project, text: str) -> None:
    dr.write(text)

    assert dr.errors()
