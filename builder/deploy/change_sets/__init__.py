"""Change sets: asked for, read whole, found again and discarded; nothing here executes one.

`artifacts` puts the templates and the code that stacks take from buckets where they are looked for. `change_set` asks
for one, `review` reads it whole with those of nested stacks, `steps` tell how far AWS shows a plan to have come, and
discard what nobody executed. `history` reads what earlier ones have done to a stack.
"""
