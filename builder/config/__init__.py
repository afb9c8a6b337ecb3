"""dr.yaml: its schema, and reading it."""

from builder.config.load import Wanted, read_wanted
from builder.config.model import Config, EnvironmentConfig

__all__ = ["Config", "EnvironmentConfig", "Wanted", "read_wanted"]
