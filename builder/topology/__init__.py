"""One stack in one region, and by which names things are called: arithmetic that knows no kind of stack."""

from builder.topology.stack import Stack, Topology, stack_id

__all__ = ["Stack", "Topology", "stack_id"]
