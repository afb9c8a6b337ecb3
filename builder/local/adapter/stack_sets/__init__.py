"""CloudFormation StackSets, of which the emulator has nothing: the API, the resource type, what Organizations adds.

`wire` reads requests and writes replies by botocore's model. `records` keeps sets, instances and operations. `sets`,
`instances`, `imports` and `operations` are the actions; an operation works in the background on the `targets` of its
set, one of `stacks` after another, by the roles of the set. `resource` is the same as a resource of a stack.
"""

from builder.local.adapter.stack_sets import instances, records, resource, sets, stacks

__all__ = ["instances", "records", "resource", "sets", "stacks"]
