"""Draft: from the assembly and what is deployed to the change sets that it takes; pure.

`draft` decides what each stack needs, `dependants` what waits for others, `parts` which change sets that makes:
`creation` of a new stack, `adoption` of one that others deployed, `sequence` of a change that AWS takes one part at a
time. `expected` says what each change set may show at the most.
"""
