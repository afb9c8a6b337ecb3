"""What an empty folder needs to begin with."""

from builder.starter.starter import read_starter, write_starter

__all__ = ["read_starter", "write_starter"]
