"""The assembly: rendered templates and their manifest, the one thing that is reviewed, deployed and handed over."""

from builder.assembly.manifest import Entry, Manifest, OutputOf
from builder.assembly.store import Assembly, read_assembly, stale_files, write_assembly

__all__ = ["Assembly", "Entry", "Manifest", "OutputOf", "read_assembly", "stale_files", "write_assembly"]
