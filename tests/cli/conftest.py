from pathlib import Path

import pytest

from conftest import Command


@pytest.fixture
def deployed(project: Path, credentials: None, builder: Command) -> Command:
    """The command line, with the shipped system deployed as synthmfm20."""
    answer = builder("deploy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0, answer
    return builder
