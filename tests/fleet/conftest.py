import pytest

from fleet.rig import FleetRig


@pytest.fixture
def rig() -> FleetRig:
    return FleetRig()


@pytest.fixture
def deployed(rig: FleetRig) -> FleetRig:
    """A rig whose fleet is deployed."""
    rig.have_deployed()
    return rig
