"""IAM, where policies are enforced: who acts, and what their policies allow.

`policies` answers both for whoever made the request or the role that CloudFormation has taken. `resources` checks what
CloudFormation's handlers call for a resource, which `keys_and_alarms` has for those types; `calls` is one such call.
"""

from builder.local.adapter.iam import calls, keys_and_alarms, policies, resources

__all__ = ["calls", "keys_and_alarms", "policies", "resources"]
