"""Observe what stands: the deployer's reads of AWS, none of which changes anything.

`stacks` reads a region's stacks, asked again where an answer contradicts what this process knows; `nested` what
stands inside stacks; `events` why an operation failed; `watch` waits for the end of one; `deployment` joins them
for planning, and `outputs` reads what a deployment shows to others.
"""
