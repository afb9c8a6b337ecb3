"""Plan: all change sets of all regions, created and judged before anything is executed; nothing here executes one.

`plan` has the story; `step` reads one change set. `exports` orders importers first, `deletions` are a plan's deletions,
`skipped` refuses what depends on a skipped region. `guards` names what needs a person's consent; `policies` tells
what stack policies deny, and `both_ways` which keys of two buckets conflict; `done_before` tells which `--allow` of a
finished change may be typed again. `saved` checks a plan from a file against the assembly, `judgement` judges it anew,
`handed_over` reads which data has moved since. `promoting` plans a promotion: what can be done of it while a region
is lost, and whether anything remains.
"""
