"""The global table."""
