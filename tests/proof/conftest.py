import pytest


@pytest.fixture(autouse=True)
def whole_lives(proof: None) -> None:
    """Each test here tries a whole life at every fault of one kind."""
