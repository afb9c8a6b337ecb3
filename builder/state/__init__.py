"""How a deployment stands: what answers in each region, what drifted, and what the regions differ in; reads only.

It knows resource types, by what CloudFormation lists, and never a stack of this project.

    look      by whom and until when a region is looked at
    part      what answers is taken, what does not is a line
    site      one region of one account, within a deadline        status      all of them side by side
    table, bucket, function, health, metric                       what is read of one resource
    drift     what CloudFormation detects, of every stack         settings    what should be equal, read
    parity    what differs of it (pure)                           differences drift and parity at once
"""

from builder.state.differences import find_differences
from builder.state.records import Differences, Disparity, DriftedStack, SiteState, Status
from builder.state.site import ObserveOptions, observe_status

__all__ = [
    "Differences",
    "Disparity",
    "DriftedStack",
    "ObserveOptions",
    "SiteState",
    "Status",
    "find_differences",
    "observe_status",
]
