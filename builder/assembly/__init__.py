"""The assembly: rendered templates and their manifest, the one thing that is reviewed, deployed and passed on."""

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
