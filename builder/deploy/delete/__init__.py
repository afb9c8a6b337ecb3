"""Delete: one stack with all that it holds, and a whole deployment in reverse order.

A stack is emptied of what refuses its deletion, and helped where AWS refuses all the same. A deployment's stacks are
found by their tag and ordered; nothing is deleted that is not the deployment's, and what is left is looked at.
"""
