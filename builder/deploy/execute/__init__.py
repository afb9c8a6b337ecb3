"""Execute: exactly the reviewed change sets, each as soon as its own needs are done, all regions side by side.

`preflight` checks all of a plan before anything runs; `execute` starts steps, waits for them and makes deferred change
sets on the way; `recover` rolls back what an operation left halfway; `bounded` gives imports beside a lost region so
long.
"""
