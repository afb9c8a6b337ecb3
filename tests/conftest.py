"""What tests of the whole share: one embedded AWS a worker, an account and a project folder for each test."""

import gc
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import settings

from answer import ROOT, Answer, Command
from builder.aws import Tempo
from builder.cli.main import main
from builder.cli.session import Session
from builder.local import EmbeddedAws
from builder.local.environment import is_hostile
from fake_aws.short_way import whole_way
from hasten import hasten
from report.chromium import browser_or_skip
from samples import is_thorough

# --hypothesis-profile=thorough: for a pipeline; who works on the code wants an answer sooner.
settings.register_profile("thorough", max_examples=2000)
settings.register_profile("suite", max_examples=15)
settings.load_profile("suite")


# What cfn-lint, botocore and moto read in is no garbage: looking through it again and again took a quarter of the time.
gc.set_threshold(50_000, 20, 20)


pytest_plugins = ("on_aws.plugin",)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the tests, and put away what could lead one to a real AWS or through a proxy. With --aws it stays."""
    if config.getoption("aws_account"):
        return
    # A worker reads the command line by itself: what its main process chose, it is told.
    chosen = getattr(config, "workerinput", {}).get("chosen")
    config.option.markexpr = _choose(config) if chosen is None else chosen
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


def pytest_configure_node(node: Any) -> None:
    """Tell a worker which tests were chosen. `node` is xdist's, which has no types."""
    node.workerinput["chosen"] = node.config.option.markexpr


hasten()


HEAVY = ("embedded", "browser", "installed", "processes", "linter", "proof", "slow")
"""What the inner loop leaves out: each test that uses a fixture of such a name is marked by it, and heavy."""
INNER = "not (heavy or alone)"
_HEAVY_ROOMS = ("handler", "proof")
_LONGEST_FIRST = ("handler", "proof", "rehearsal", "test_scripts.py", "report")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return how many workers suit the run: none for a file or a few, nor beside what measures real time.

    What is heavy waits for half of its time, so there one more than there are processors; else xdist knows.
    """
    if _names_files(config) or config.option.markexpr == "alone":
        return 0
    return None if config.option.markexpr == INNER else (os.cpu_count() or 1) + 1


def _names_files(config: pytest.Config) -> bool:
    """Whether all arguments are files, or tests in files."""
    named = config.option.file_or_dir
    return bool(named) and all(Path(argument.partition("::")[0]).is_file() for argument in named)


def _choose(config: pytest.Config) -> str:
    """Return which tests run if no -m says it: the inner loop if nothing is named, else all of what is."""
    if config.option.markexpr:
        return str(config.option.markexpr)
    if config.option.file_or_dir or config.option.keyword or config.option.lf:
        return "not alone" if config.option.numprocesses else ""
    return INNER


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which tests this run leaves out."""
    if config.option.markexpr == INNER:
        return f"inner loop: without {', '.join(HEAVY)} and alone; `tox run -e all` runs them, or name a file of them"
    if config.option.markexpr == "not alone":
        return "without what measures real time: `python -m pytest -m alone` runs that, by itself"
    return None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no module that has no test of those that run.

    For the inner loop the rooms that are heavy as a whole; for the tests that run alone what has none: neither it nor
    its folder's conftest says so.
    """
    if config.option.markexpr == INNER:
        return _room(collection_path) in _HEAVY_ROOMS or None
    if config.option.markexpr != "alone" or collection_path.suffix != ".py":
        return None
    return not _says_alone(collection_path) or None


@cache
def _says_alone(module: Path) -> bool:
    files = (module, module.parent / "conftest.py")
    return any("mark.alone" in file.read_text(encoding="utf-8") for file in files if file.is_file())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is heavy, and begin with what takes long or must stay on one worker: last, it would keep one busy.

    Raises UsageError for a test that is marked from elsewhere, which the run of those that run alone would miss.
    """
    unsaid = {str(item.path) for item in items if item.get_closest_marker("alone") and not _says_alone(item.path)}
    if unsaid:
        raise pytest.UsageError(f"marked alone from elsewhere, so passed over: {', '.join(sorted(unsaid))}")
    if not is_thorough() and not _names_files(config):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("acceptance")])
        items[:] = [item for item in items if not item.get_closest_marker("acceptance")]
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        for name in set(HEAVY).intersection(getattr(item, "fixturenames", ())) - marks:
            item.add_marker(name)
            marks.add(name)
        if marks.intersection(HEAVY):
            item.add_marker("heavy")

    light = {str(item.path) for item in items if _room(item.path) in _HEAVY_ROOMS and not _is_heavy(item)}
    if light:
        raise pytest.UsageError(f"neither heavy nor alone, in a room that the inner loop passes over: {sorted(light)}")

    def rank(item: pytest.Item) -> int:
        room = _room(item.path)
        return _LONGEST_FIRST.index(room) if room in _LONGEST_FIRST else len(_LONGEST_FIRST)

    items.sort(key=rank)


@cache
def _room(path: Path) -> str:
    """Return the folder below tests/ that a path is in."""
    tests = Path(__file__).parent
    return next(iter(path.relative_to(tests).parts), "") if path.is_relative_to(tests) else ""


def _is_heavy(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("heavy", "alone"))


_light: list[str] = []
"""The test under way, if it is not heavy."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Hold a test to what it says: only a heavy one may start a process."""
    if not _is_heavy(item):
        _light.append(item.nodeid)
    try:
        return (yield)
    finally:
        _light.clear()


_popen = subprocess.Popen.__init__


def _refuse_process(self: Any, args: Any, *more: Any, **options: Any) -> None:
    """Start a process as ever, but from a test that is not heavy."""
    program = args if isinstance(args, str) else args[0]
    # The standard library asks uname for the processor, once.
    if _light and str(program) != "uname":
        raise AssertionError(f"{_light[0]} starts {program}: mark it `processes`, or what it uses by that fixture")
    _popen(self, args, *more, **options)


subprocess.Popen.__init__ = _refuse_process  # type: ignore[method-assign]


def pytest_collection_finish() -> None:
    """Have no collection of garbage look through the thousands of tests."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _whole_way_if_thorough() -> Iterator[None]:
    """Have the thorough run cross the wire with every call to the fake."""
    with whole_way() if is_thorough() else nullcontext():
        yield


@pytest.fixture(scope="session")
def processes() -> None:
    """Other processes are started by who uses this: see HEAVY."""


@pytest.fixture(scope="session")
def linter() -> None:
    """All of cfn-lint's rules are asked about whole assemblies by who uses this: see HEAVY."""


@pytest.fixture(scope="session")
def proof() -> None:
    """A life is tried again and again by who uses this, with another fault each time: see HEAVY."""


@pytest.fixture(scope="session")
def browser() -> str:
    """Where a Chromium is; without one, a test is left out on a person's machine and fails in CI."""
    return browser_or_skip()


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
    """The package as it is installed from its wheel, built from a copy: building leaves files behind."""
    source = tmp_path_factory.mktemp("source")
    for name in ("builder", "lambda"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    target = tmp_path_factory.mktemp("installed")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    alone = ["--no-deps", "--no-build-isolation", "--offline"]
    done = subprocess.run([*uv, *alone, "--target", target, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target
