"""What an empty folder needs to begin with."""

from builder.starter.starter import add_wheel, pin_wheel, read_starter, write_starter

__all__ = ["add_wheel", "pin_wheel", "read_starter", "write_starter"]
