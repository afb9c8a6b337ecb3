"""Handovers: data that goes from stack to stack, and data that stands and is to be taken in.

`claims` finds what stands already of what a stack is to create, and whose it is; `handovers` who lets go of it first;
`transfers` are the change sets of that: releases, imports, and what stands in between.
"""
