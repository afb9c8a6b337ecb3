import pytest

from fleet.rig import FleetRig


@pytest.fixture
def rig() -> FleetRig:
    return FleetRig()


@pytest.fixture
def standing(rig: FleetRig) -> FleetRig:
    """A rig whose fleet is there already."""
    rig.have_deployed()
    return rig
