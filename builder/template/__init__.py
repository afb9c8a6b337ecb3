"""Templates: bytes and their meaning, known once, by everything that reads or writes one.

`text` turns bytes into data and data into bytes, as CloudFormation and every YAML reader take them. `template` reads a
template's resources, parameters and references, as GetTemplate answers it, and compares two. `splice` changes a list of
one resource in its text and keeps every other byte.
"""
