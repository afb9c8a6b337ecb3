"""Stacks from templates of the user's own, `stacks:` in dr.yaml, and what of them is looked at and called."""
