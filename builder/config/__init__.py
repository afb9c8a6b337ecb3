"""dr.yaml: its schema, and reading it."""

from builder.config.load import LoadedConfig, load_config
from builder.config.model import Config, EnvironmentConfig

__all__ = ["Config", "EnvironmentConfig", "LoadedConfig", "load_config"]
