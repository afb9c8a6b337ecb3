"""Plan: all change sets of all regions, made and judged before anything is executed; nothing here executes one.

`plan` has the story; `step` reads one change set. `exports` puts importers first, `deletions` are what goes with a
plan, `skipped` refuses what depends on a region that is left out. `guards` say what needs a person; `policies` tell
what stack policies deny, and `both_ways` what two buckets contest; `done_before` which `--allow` may be typed again
when that is done. `saved` checks a plan that was read from a file against the assembly, `judgement` judges it anew,
`handed_over` reads what has changed hands since. `promoting` plans a promotion: what can be done of it while a region
is lost, and whether anything is left.
"""
