"""What the architecture promises of the tree, held by machine."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT / "builder")
    for path in (ROOT / "builder").rglob("*.py")
    if path.name not in {"__init__.py", "__main__.py"}
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_is_a_god(module: Path) -> None:
    assert len((ROOT / "builder" / module).read_text().splitlines()) <= 500


def test_the_root_shows_the_architecture_and_little_else() -> None:
    tracked = {path.name for path in ROOT.iterdir() if path.name in _kept()}
    assert {"builder", "templates", "lambda", "scripts", "tests", "setup.cfg", "tox.ini"} <= tracked


def _kept() -> set[str]:
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    return {path.name for path in ROOT.iterdir()} - ignored


_NAMED = ("primaryLambdaUrl", "secondaryLambdaUrl", "lambdaUrl", "globalTableName", "primaryBucketName", "bucketName.")
_MAY_NAME = {
    Path("assembly/components.py"): "reads manifests of version 1",
    Path("assembly/render.py"): "names the outputs, with topology",
    Path("topology/build.py"): "names the outputs",
    Path("cli/examples.py"): "shows what people type",
}


@pytest.mark.parametrize("module", [one for one in MODULES if one not in _MAY_NAME], ids=str)
def test_nothing_is_found_by_the_name_of_an_output(module: Path) -> None:
    text = (ROOT / "builder" / module).read_text()
    assert [name for name in _NAMED if name in text] == []


def test_every_link_in_the_docs_leads_to_a_file() -> None:
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        for part in page.read_text().split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
