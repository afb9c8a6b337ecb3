"""Handovers: data that goes from stack to stack, and existing data that is to be imported.

`claims` finds the data that a stack is to create and that exists already, and its owners; `handovers` decides which
stack releases it first; `transfers` are the change sets of that: releases, imports, and the templates in between.
"""
