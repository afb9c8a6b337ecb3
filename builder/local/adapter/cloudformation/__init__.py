"""CloudFormation: its actions, and stacks, as they are on AWS.

`requests` reads requests and wraps actions, for all others. `templates` reads templates: from a URL, their conditions,
mappings and references. `transforms` expands them, `macros` has the account's own transforms. `shown_values` masks and
shows values. `change_sets` has the change sets of a stack, `nested_change_sets` those of its children; `nested_stacks`
deploys children, `nested_rollback` rolls them back or cleans them up with their root. `resources` has what holds for
resources of any type, `imports` takes in what stands already, `lost_regions` waits for a region that hangs.
`stack_policies` denies what a stack's policy does not allow, `authorization` checks requests where policies are
enforced.
"""

from builder.local.adapter.cloudformation import (
    authorization,
    change_sets,
    imports,
    lost_regions,
    nested_change_sets,
    nested_rollback,
    nested_stacks,
    requests,
    resources,
    shown_values,
    stack_policies,
    templates,
    transforms,
)

__all__ = [
    "authorization",
    "change_sets",
    "imports",
    "lost_regions",
    "nested_change_sets",
    "nested_rollback",
    "nested_stacks",
    "requests",
    "resources",
    "shown_values",
    "stack_policies",
    "templates",
    "transforms",
]
