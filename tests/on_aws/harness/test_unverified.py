"""docs/architecture.md says what nobody could check, and which test would: the list and the tests are held together."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from answer import ROOT
from on_aws.gaps import GAPS
from on_aws.plugin import HERE

_SECTIONS = ("Unverified", "Tried by nothing", "pytest --aws")


def sections() -> dict[str, str]:
    """Return what docs/architecture.md says under each heading of its last chapter."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    chapter = page[page.index("\n## Unverified") :]
    parts = re.split(r"^#{2,3} (.+)$", chapter, flags=re.MULTILINE)[1:]
    return {title.strip("`"): text for title, text in zip(parts[::2], parts[1::2], strict=True)}


def bullets(title: str) -> list[str]:
    return [each.strip() for each in re.split(r"^- ", sections()[title], flags=re.MULTILINE)[1:]]


def defined_in(*files: Path) -> set[str]:
    bodies = (ast.parse(file.read_text(encoding="utf-8")).body for file in files)
    return {
        node.name
        for body in bodies
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def facts() -> set[str]:
    return defined_in(*(file for file in HERE.glob("test_*.py") if file.name != "test_life.py"))


def test_the_chapter_has_its_sections() -> None:
    assert tuple(sections()) == _SECTIONS


def test_every_unverified_fact_has_its_test_and_every_test_its_fact() -> None:
    named = [name for bullet in bullets("Unverified") for name in re.findall(r"`(test_\w+)`", bullet)]
    assert [bullet for bullet in bullets("Unverified") if not re.search(r"`test_\w+`", bullet)] == []
    assert Counter(named) == Counter(facts())


def test_what_is_tried_by_nothing_names_its_page_and_no_test() -> None:
    for bullet in bullets("Tried by nothing"):
        assert re.match(r"\[[a-z]+\.md\]\([a-z]+\.md\)|here", bullet), bullet
        assert "test_" not in bullet


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: str(page.name))
def test_a_page_with_something_unverified_is_in_one_of_the_lists(page: Path) -> None:
    says = re.search(r"\*[Uu]nverified\*|^## Unverified$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lists = "\n".join(bullets("Unverified") + bullets("Tried by nothing"))
    assert page.name == "architecture.md" or bool(says) == (f"({page.name})" in lists)


def test_what_the_embedded_aws_plays_otherwise_is_a_test_and_has_a_reason() -> None:
    assert set(GAPS) <= facts()
    assert all(GAPS.values())
