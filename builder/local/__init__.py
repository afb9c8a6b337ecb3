"""The embedded AWS: a whole region pair on 127.0.0.1, for rehearsals, tests and benchmarks.

`EmbeddedAws` runs it as a child process, `serve` in the foreground of this one. Importing this package imports
neither the emulator nor botocore: both are loaded by the process that serves.
"""

from builder.local.process import EmbeddedAws
from builder.local.server import FUNCTION_PROCESSES, ServeOptions, serve

__all__ = ["FUNCTION_PROCESSES", "EmbeddedAws", "ServeOptions", "serve"]
