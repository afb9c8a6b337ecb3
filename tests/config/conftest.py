import shutil
from pathlib import Path

import pytest

from config.project import HERE, Project


@pytest.fixture
def dr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose dr.yaml is good."""
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.handler("def handler(event, context): ...\n")
    shutil.copy(HERE / "good.yaml", tmp_path / "dr.yaml")
    return made
