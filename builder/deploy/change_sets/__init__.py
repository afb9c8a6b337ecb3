"""Change sets: created, read completely, listed and deleted; nothing here executes one.

`artifacts` puts the templates and the code that stacks take from buckets into these buckets. `change_set` creates a
change set, `review` reads it with those of nested stacks, `steps` returns how many steps of a plan AWS has executed,
and deletes change sets that nobody executed. `history` reads what earlier change sets have done to a stack.
"""
