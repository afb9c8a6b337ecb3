"""What the architecture promises of the tree, held by machine: each test tells everything that breaks its promise."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
MODULES = {
    path.relative_to(ROOT / "builder"): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "builder").rglob("*.py"))
    if path.name not in {"__init__.py", "__main__.py"}
}

_NAMED = ("primaryLambdaUrl", "secondaryLambdaUrl", "lambdaUrl", "globalTableName", "primaryBucketName", "bucketName.")
_MAY_NAME = {
    Path("assembly/components.py"): "reads manifests of version 1",
    Path("components/bucket/stacks.py"): "names its outputs",
    Path("components/function/stacks.py"): "names its outputs",
    Path("components/table/stacks.py"): "names its outputs",
    Path("topology/names.py"): "how outputs are named",
}


def test_no_module_is_a_god_and_none_finds_anything_by_the_name_of_an_output() -> None:
    lines = {str(module): len(text.splitlines()) for module, text in MODULES.items()}
    assert {module: length for module, length in lines.items() if length > 500} == {}

    named = {
        str(module): [name for name in _NAMED if name in text]
        for module, text in MODULES.items()
        if module not in _MAY_NAME
    }
    assert {module: names for module, names in named.items() if names} == {}


def test_the_root_shows_the_architecture_and_every_link_in_the_docs_leads_to_a_file() -> None:
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}
    shown = {path.name for path in ROOT.iterdir()} - ignored
    assert {"builder", "templates", "lambda", "scripts", "tests", "setup.cfg", "tox.ini"} <= shown

    dead: list[str] = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for part in page.read_text().split("](")[1:]:
            target = part.split(")")[0].split("#")[0]
            if target and "://" not in target and not (page.parent / target).exists():
                dead.append(f"{page.name}: {target}")
    assert dead == []


def test_no_module_of_tests_is_left_to_thorough_as_a_whole() -> None:
    whole = [
        path.name
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if any(line.startswith("pytestmark") and "acceptance" in line for line in path.read_text().splitlines())
    ]
    assert whole == []
