"""What a system is made of, one folder a component: what dr.yaml may say, which stacks it brings, their templates.

`options` is what dr.yaml may say, and knows nothing else; `stacks` says which stacks stand where, by which names,
needing what; `template` writes them. `own` has the same for templates that are the user's. `system` puts all of
them into one list, `templates` finds who writes which.
"""
