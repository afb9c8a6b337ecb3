"""The command line: one verb, one file; the one place that knows every part."""
