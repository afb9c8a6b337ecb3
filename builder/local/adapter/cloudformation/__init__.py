"""CloudFormation: what its actions and the emulator's stacks do otherwise on AWS.

`requests` reads requests and wraps actions; all others use it. `templates` reads what a template says, by URL too;
`shown_values` what CloudFormation hides and shows again. `change_sets` are a root's; `nested_stacks` deploy children,
`nested_rollback` takes them back or cleans them up with their root, `nested_change_sets` show them before.
`resources` is what holds for resources of any type. With policies enforced `authorization` checks what a request asks
of CloudFormation.
"""

from builder.local.adapter.cloudformation import (
    authorization,
    change_sets,
    nested_change_sets,
    nested_rollback,
    nested_stacks,
    requests,
    resources,
    shown_values,
    templates,
)

__all__ = [
    "authorization",
    "change_sets",
    "nested_change_sets",
    "nested_rollback",
    "nested_stacks",
    "requests",
    "resources",
    "shown_values",
    "templates",
]
