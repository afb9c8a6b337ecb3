"""Which stacks the system has, in which regions, by which names, and what each needs."""

from builder.topology.build import Stack, StackKind, make_topology, stack_id

__all__ = ["Stack", "StackKind", "make_topology", "stack_id"]
