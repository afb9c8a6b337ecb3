"""Plan: from what should be and what stands to the change sets that are reviewed; nothing here executes one.

`decide` says what one stack needs, `draft` which change sets that makes, `sequence` splits a change that AWS takes one
part at a time, `dependants` finds what can only be made later, and `plan` makes the rest: `change_set` asks for one,
`review` reads it whole, `changes` row by row, `expected` compares it with the template. `guards` and `lost_region` say
what needs a person. `saved` holds a plan that was read from a file to the assembly, and `judgement` judges it anew.
"""
