"""What tests of the whole share: one embedded AWS a worker, an account and a project folder for each test."""

import gc
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import boto3
import botocore.loaders
import botocore.session
import pytest
from hypothesis import settings

from answer import ROOT, Answer, Command
from builder.aws import Tempo
from builder.cli.main import main
from builder.cli.session import Session
from builder.local import EmbeddedAws
from builder.rehearsal.stage import is_hostile

# --hypothesis-profile=thorough: for a pipeline; who works on the code wants an answer sooner.
settings.register_profile("thorough", max_examples=2000)
settings.register_profile("suite", max_examples=40)
settings.load_profile("suite")


# What cfn-lint, botocore and moto read in is no garbage: looking through it again and again took a quarter of the time.
gc.set_threshold(50_000, 20, 20)


pytest_plugins = ("on_aws.plugin",)


def pytest_configure(config: pytest.Config) -> None:
    """Put the caller's settings away first: none leads to a real AWS, or through a proxy. With --aws they stay."""
    if config.getoption("aws_account"):
        return
    for name in list(os.environ):
        if is_hostile(name) or name == "ENVIRONMENT_SUFFIX":
            del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        # Every embedded AWS that a test starts takes this one: local.account.authorized() has it.
        BUILDER_LOCAL_TOKEN=secrets.token_urlsafe(32),
    )


_known_to_botocore: dict[object, object] = {}


def _loader(search_path_string: str | None = None) -> botocore.loaders.Loader:
    """Return what a boto3 session reads AWS's models with: once for all sessions of these tests."""
    made = botocore.loaders.create_loader(search_path_string)
    if not search_path_string:
        made._cache = _known_to_botocore  # type: ignore[attr-defined]  # botocore has no public name for it
    return made


botocore.session.create_loader = _loader


_LONGEST_FIRST = ("handler", "proof", "rehearsal", "test_scripts.py", "report")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no module for the tests that run alone which has none: neither it nor its folder's conftest says so."""
    if config.option.markexpr != "alone" or collection_path.suffix != ".py":
        return None
    return not _says_alone(collection_path) or None


@cache
def _says_alone(module: Path) -> bool:
    files = (module, module.parent / "conftest.py")
    return any("mark.alone" in file.read_text(encoding="utf-8") for file in files if file.is_file())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, or must stay on one worker: at the end it would keep one busy and the others idle.

    Raises UsageError for a test that is marked from elsewhere, which the run of those that run alone would miss.
    """
    unsaid = {str(item.path) for item in items if item.get_closest_marker("alone") and not _says_alone(item.path)}
    if unsaid:
        raise pytest.UsageError(f"marked alone from elsewhere, so passed over: {', '.join(sorted(unsaid))}")

    def rank(item: pytest.Item) -> int:
        room = item.path.relative_to(Path(__file__).parent).parts[0]
        return _LONGEST_FIRST.index(room) if room in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """Have no collection of garbage look through the thousands of tests."""
    gc.freeze()


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as running:
        yield running


@pytest.fixture
def account_id(request: pytest.FixtureRequest) -> str:
    number = int(hashlib.sha256(request.node.nodeid.encode()).hexdigest(), 16) % 10**12
    return f"{number:012d}"


@pytest.fixture
def credentials(embedded: EmbeddedAws, account_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 reaches the embedded AWS, in an account of the test's own."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", embedded.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def session(credentials: None) -> boto3.Session:
    return boto3.Session(region_name="us-east-1")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped dr.yaml, handlers and templates; the working directory of the test."""
    for name in ("lambda", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copy(ROOT / "dr.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def builder(capsys: pytest.CaptureFixture[str]) -> Command:
    """`python -m builder` in this process."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(arguments, partial(Session, tempo=Tempo.quick()))
        wrote = capsys.readouterr()
        return Answer(code, wrote.out, wrote.err)

    return run


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip installs it from its wheel, built from a copy: building leaves files behind."""
    source = tmp_path_factory.mktemp("source")
    for name in ("builder", "lambda"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--target", target, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target
