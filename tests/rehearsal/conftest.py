from pathlib import Path

import pytest

from builder.config import LoadedConfig, load_config
from rehearsal.told import Told


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def loaded(project: Path) -> LoadedConfig:
    return load_config(project / "dr.yaml")
