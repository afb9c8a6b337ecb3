"""Plan: from what should be and what stands to the change sets that are reviewed; nothing here executes one.

`plan` has the story. `draft` says what each stack needs, `parts` which change sets that makes, `sequence` splits a
change that AWS takes one part at a time, `dependants` finds what can only be made later, and what a skipped region is
in the way of. `claims` finds data that stands already, `handovers` who lets go of it, `transfers` are the change sets
of that. `change_set` asks for one, `review` reads it whole, `expected` compares it with the template. `guards` say
what needs a person. `saved` holds a plan that was read from a file to the assembly, `judgement` judges it anew, and
`steps` tell how far it has come. `adoption` is of stacks that others deployed, and
`promoting` of a promotion: what can be done of it while a region is lost, and whether anything is left.
"""
