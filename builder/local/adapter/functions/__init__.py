"""Lambda: a function's resource type, its processes, and its URL.

`resource` is the type, `processes` lets requests wait for one of a few processes, `urls` is all that a request to a
function URL passes: its address, faults, the log, and the function's policy.
"""

from builder.local.adapter.functions import processes, resource, urls

__all__ = ["processes", "resource", "urls"]
