import pytest

from deploy.rig import Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def deployed(rig: Rig) -> Rig:
    """A rig with the shipped deployment already there."""
    rig.have_deployed()
    return rig
