"""`build` through the command line: what it makes, what it says, and what it can't make."""

import hashlib
from pathlib import Path

import pytest

from answer import Command
from builder.assembly import Assembly, Manifest, StackEntry, write_assembly
from builder.assembly.package import package
from builder.terms import Region, StackId

EAST = Region("us-east-1")
TEMPLATE = b"Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: src}}}\n"


@pytest.fixture
def assembly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assembly of a stack whose function's code lies in src/."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context): ...\n")
    made = package(TEMPLATE, Path("app.yaml"), tmp_path, EAST)
    entry = StackEntry(
        id=StackId("us-east-1/app"),
        region=EAST,
        name="shop-${EnvironmentSuffix}-app",
        template="us-east-1/app.yaml",
        sha256=hashlib.sha256(made.data).hexdigest(),
    )
    manifest = Manifest(version=2, project="shop", stacks=(entry,))
    write_assembly(tmp_path / "templates", Assembly(manifest, {entry.template: made.data}, assets=made.assets))
    return tmp_path


def test_what_is_missing_is_made_and_named(assembly: Path, builder: Command) -> None:
    first, second = (builder("build", "--assembly", "templates") for _ in range(2))
    (file,) = (assembly / "build").iterdir()
    assert (first.code, first.out) == (0, f"made build/{file.name} of src\n")
    assert (second.code, second.out) == (0, "build has all that templates takes\n")


def test_an_assembly_without_its_sources_says_what_it_lacks(assembly: Path, builder: Command) -> None:
    (assembly / "src" / "app.py").write_text("later\n")
    answer = builder("build", "--assembly", "templates")
    assert answer.code == 2
    assert answer.err.endswith(".zip: src is not what the assembly was rendered from\n")


def test_where_nothing_is_taken_from_a_bucket_nothing_is_made(project: Path, builder: Command) -> None:
    answer = builder("build")
    assert (answer.code, answer.out) == (0, "nothing to make: no asset\n")
    assert not (project / "build").exists()
