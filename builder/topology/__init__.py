"""The records of a topology, and the names of things in it: arithmetic that knows no kind of stack.

`make_topology` of `builder.components.system` makes it, since only the components know which stacks there are.
"""

from builder.topology.stack import Stack, Topology, stack_id

__all__ = ["Stack", "Topology", "stack_id"]
