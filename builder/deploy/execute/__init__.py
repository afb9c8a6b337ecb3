"""Execute: exactly the reviewed change sets, each as soon as its own needs are done, all regions concurrently.

`preflight` checks all of a plan before anything runs; `execute` starts steps and waits for them; `deferred` creates the
change sets that could not be created before; `idle` waits until resources can be changed. `halted` reads stacks whose
update was halted and decides what a rollback of each does, `recover` rolls them back; `bounded` limits the time of
imports beside a lost region.
"""
