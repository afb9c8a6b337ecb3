"""The state of a deployment: what answers in each region, what drifted, and how the regions differ; reads only.

It knows resource types, by what CloudFormation lists, and never a stack of this project.

    observe       one region of one account within a deadline, each resource by itself; a silent one is a line
    alarms        the alarms of one region, and whom they notify
    settings      what should be equal, read; a function's code by its archive
    differences   what CloudFormation detects of every stack, and how the regions differ
"""

from builder.state.differences import find_differences, read_drifted
from builder.state.observe import ObserveOptions, observe_sites
from builder.state.records import Differences, Disparity, DriftedResource, DriftedStack, SiteState, Status

__all__ = [
    "Differences",
    "Disparity",
    "DriftedResource",
    "DriftedStack",
    "ObserveOptions",
    "SiteState",
    "Status",
    "find_differences",
    "observe_sites",
    "read_drifted",
]
