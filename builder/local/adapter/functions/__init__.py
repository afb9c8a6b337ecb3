"""Lambda: a function's resource type, its processes, its URL, and the APIs that call it.

`resource` is the type, `processes` lets requests wait for one of a few processes, `urls` is all that a request to a
function URL passes: its address, faults, the log, and the function's policy. `http_api` imports the routes of an API.
"""

from builder.local.adapter.functions import http_api, processes, resource, urls

__all__ = ["http_api", "processes", "resource", "urls"]
