"""Plan: all change sets of all regions, made and judged before anything is executed; nothing here executes one.

`plan` has the story. `exports` puts importers first, `deletions` are what goes with a plan, `skipped` says what hangs
on a region that is left out. `guards` say what needs a person, with `policies` what stack policies deny, and
`both_ways` what two buckets contest. `saved` holds a plan that was read from a file to the assembly, `judgement`
judges it anew, `handed_over` reads what has changed hands since. `promoting` is of a promotion: what can be done of it
while a region is lost, and whether anything is left.
"""
