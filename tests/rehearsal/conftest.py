from pathlib import Path

import pytest

from builder.config import LoadedConfig, load_config
from rehearsal.transcript import Transcript


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


@pytest.fixture
def loaded(project: Path) -> LoadedConfig:
    return load_config(project / "dr.yaml")
