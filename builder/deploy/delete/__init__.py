"""Delete: one stack with all that it holds, and a whole deployment in reverse order.

`stack` empties what refuses its deletion and helps where AWS refuses all the same; `deployment` finds the stacks by
their tag, orders them, deletes nothing that is not the deployment's, and looks at what is left.
"""
