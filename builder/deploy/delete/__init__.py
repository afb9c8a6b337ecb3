"""Delete: one stack with all that it holds, and a whole deployment in reverse order.

A stack is emptied of what would block its deletion, and unblocked where AWS still refuses. A deployment's stacks are
found by their tag and ordered; nothing else is deleted, and what remains is read afterwards.
"""
