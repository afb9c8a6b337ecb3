"""Each of the twins on an embedded AWS of its own, deployed in both regions."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builder.local import EmbeddedAws
from handler.faulty import FaultyDynamoDb, faulty_dynamodb
from handler.stage import NODE, PRIMARY, PYTHON, SECONDARY, TABLE, Aws, Function, RegionPair, Runtime
from samples import sampled

_HERE = Path(__file__).parent
_WIDE = {"test_handler_odd_events", "test_handler_faults"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave two in three of the widest tables, each of which is tried in both languages, to when there is time."""
    wide = [item for item in items if item.path.parent == _HERE and item.path.stem in _WIDE]
    for item in set(wide).difference(sampled(wide, every=3)):
        item.add_marker(pytest.mark.acceptance)


# A group of each twin's own: two workers then deploy and test one twin each.
@pytest.fixture(
    scope="session",
    params=[
        pytest.param("python", marks=pytest.mark.xdist_group("handler-python")),
        pytest.param("node", marks=pytest.mark.xdist_group("handler-node")),
    ],
)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    if request.param == "python":
        return PYTHON
    return replace(NODE, environment={"NODE_PATH": str(_installed_sdk())})


@pytest.fixture(scope="session")
def aws(runtime: Runtime, processes: None) -> Iterator[Aws]:
    with EmbeddedAws() as embedded:
        yield Aws(embedded.endpoint)


@pytest.fixture(scope="session")
def pair(aws: Aws, runtime: Runtime) -> RegionPair:
    aws.make_table(TABLE)
    return RegionPair(
        aws.deploy(runtime, "tap-test-primary"),
        aws.deploy(runtime, "tap-test-secondary", SECONDARY),
    )


@pytest.fixture
def service(pair: RegionPair) -> Function:
    return pair.primary


@pytest.fixture(scope="session")
def lonely(aws: Aws, runtime: Runtime) -> Function:
    """A handler on a table of its own, whose other regions never wrote."""
    aws.make_table("tap-lonely-global")
    regions = f"{PRIMARY},{SECONDARY},eu-central-1"
    return aws.deploy(
        runtime, "tap-lonely-primary", environment={"TABLE_NAME": "tap-lonely-global", "REGIONS": regions}
    )


@pytest.fixture(scope="session")
def faulty() -> Iterator[FaultyDynamoDb]:
    with faulty_dynamodb() as server:
        yield server


def _installed_sdk() -> Path:
    """Return the node_modules that the lock file asks for, installed once outside of the tree."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed: the Node twin cannot run here")
    npm_files = (_HERE / "package.json", _HERE / "package-lock.json")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in npm_files)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "two-region-dr"
    installed = cache / f"node-{digest}"
    if not installed.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _install(npm_files, cache, installed)
    return installed / "node_modules"


def _install(npm_files: tuple[Path, ...], cache: Path, installed: Path) -> None:
    """Install beside the place and move it there when whole, since other runs may be at it too."""
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        for file in npm_files:
            shutil.copy(file, scratch)
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(npm, cwd=scratch, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install the AWS SDK for the Node twin: {done.stderr.strip()[-300:]}")
        made = Path(scratch) / "whole"
        made.mkdir()
        (Path(scratch) / "node_modules").rename(made / "node_modules")
        try:
            made.rename(installed)
        except OSError:
            if not installed.exists():
                raise
