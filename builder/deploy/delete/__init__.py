"""Delete: one stack with all that it holds, and a whole deployment in reverse order.

A stack is emptied of what would block its deletion, and unblocked where AWS refuses all the same. A deployment's stacks
are found by their tag and ordered; nothing else is deleted, and what is left is read afterwards.
"""
