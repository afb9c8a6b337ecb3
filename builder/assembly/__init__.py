"""The assembly: rendered templates and their manifest, which are reviewed, deployed and passed on as one."""

from builder.assembly.components import OutputOf
from builder.assembly.manifest import Manifest, StackEntry, UsePreviousValue
from builder.assembly.store import Assembly, FolderChanges, find_changes, read_assembly, write_assembly

__all__ = [
    "Assembly",
    "FolderChanges",
    "Manifest",
    "OutputOf",
    "StackEntry",
    "UsePreviousValue",
    "find_changes",
    "read_assembly",
    "write_assembly",
]
