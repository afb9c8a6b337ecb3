"""Organizations: the actions that the emulator lacks, and trusted access of StackSets.

`access` keeps which organizations trust StackSets and who administers them for whom, and reads which accounts a unit
holds; `actions` is the API.
"""

from builder.local.adapter.organizations import access, actions

__all__ = ["access", "actions"]
