"""Fleets of the shipped system, as dr.yaml would have them."""

from typing import Any

from builder.components.fleet.options import FleetConfig
from builder.config import Config
from loaded_config import make_loaded_config

ACCOUNTS = ("444455556666", "555566667777", "666677778888")
SELF_MANAGED: dict[str, Any] = {"permission_model": "self-managed", "accounts": list(ACCOUNTS)}
SERVICE_MANAGED: dict[str, Any] = {
    "permission_model": "service-managed",
    "organizational_units": ["ou-ab12-11112222"],
}


def fleet_of(options: dict[str, Any], **sections: Any) -> tuple[Config, FleetConfig]:
    """Return the config with this fleet, and the fleet."""
    config = make_loaded_config(fleet=options, **sections).config
    assert config.fleet
    return config, config.fleet
