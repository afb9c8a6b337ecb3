"""Handovers: data that moves from stack to stack, and existing data that is to be imported.

`existing` finds existing data that a stack is to create, and its owners; `handovers` decides which stack releases it
first; `transfers` makes the change sets for that: releases, imports, and the templates in between.
"""
