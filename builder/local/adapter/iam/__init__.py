"""IAM, where policies are enforced: who acts, and what their policies allow.

`policies` answers both for whoever made the request or the role that CloudFormation has taken. `resources` checks what
CloudFormation's handlers call for a resource.
"""

from builder.local.adapter.iam import policies, resources

__all__ = ["policies", "resources"]
