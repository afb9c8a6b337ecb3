"""Change sets: created, read whole, found again and discarded; nothing here executes one.

`artifacts` puts the templates and the code that stacks take from buckets where they are looked for. `change_set`
creates one, `review` reads it whole with those of nested stacks, `steps` tells how far AWS shows a plan to have come,
and discards what nobody executed. `history` reads what earlier ones have done to a stack.
"""
