"""Draft: from the assembly and what is deployed to the change sets that a plan needs; pure.

`draft` decides what each stack needs, `dependants` which stacks wait for others, `parts` which change sets that takes:
`creation` of a new stack, `adoption` of one that others deployed, `sequence` of a change that AWS takes one part at a
time. `expected` returns the most that each change set may show; `records` has decisions, steps and the draft.
"""
