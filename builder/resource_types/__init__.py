"""What is known of a resource type, whichever side of the waist asks.

`schemas` answers from a table that `scripts/resource_types.py` makes of AWS's own schemas: what replaces a resource,
which property names it, whether AWS counts it among what holds data. `by_hand` is the table of what they do not say,
and `control_plane` says of which types the control plane stands in another region.
"""

NESTED_STACK = "AWS::CloudFormation::Stack"
STACK_SET = "AWS::CloudFormation::StackSet"
