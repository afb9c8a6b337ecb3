"""Observe what stands: the deployer's reads of AWS, none of which changes anything.

`stacks` reads a region's stacks, asked again where an answer contradicts what this process knows; `nested` what
stands inside stacks; `operation` waits for the end of one, and tells by a stack's events why it failed; `deployment`
joins them for planning, and reads the outputs that a deployment shows to others. `objects` compares what buckets hold,
`live` describes tables and buckets that are to be taken in, and `capture` reads stacks that others deployed, to be
written down.
"""
