"""Execute: exactly the reviewed change sets, each as soon as its own needs are done, all regions concurrently.

`preflight` checks all of a plan before anything runs; `execute` starts steps, waits for them and makes deferred change
sets; `recover` rolls back stacks whose update was halted; `bounded` limits the time of imports beside a lost region.
"""
