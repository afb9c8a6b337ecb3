"""Observe what is deployed: the deployer's reads of AWS, none of which changes anything.

`stacks` reads a region's stacks, again where an answer contradicts what this process knows; `nested` reads what stacks
hold; `operation` waits for an operation's end, and finds in a stack's events why it failed; `deployment` joins them
for planning, and reads a deployment's public outputs. `objects` compares what buckets hold, `live` describes tables and
buckets that are to be imported, and `capture` reads stacks that others deployed, for a project's files.
"""
