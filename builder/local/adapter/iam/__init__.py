"""IAM, where policies are enforced: who acts, and what their policies allow.

`policies` answers both for whoever made the request or the role that CloudFormation has taken. `resources` checks what
CloudFormation's handlers call for a resource, which `alarms` has for those and their topics, `imports` for what is only
read; `calls` is one such call.
"""

from builder.local.adapter.iam import alarms, calls, imports, policies, resources

__all__ = ["alarms", "calls", "imports", "policies", "resources"]
