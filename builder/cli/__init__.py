"""The command line: the one room that knows every part.

main       the parser, what help shows, and errors to text and exit codes
options    what is said                                     project    what dr.yaml and the assembly say
session    clients, console, and how work is run            files      what verbs read and write
scope      the system or its fleet, as the verbs know it    system, fleet   its two values
offline, policy, plan, deploy, backfill, call, destroy, status, adopt, drill, failback, promote, runbook
           the verbs, in the order of their help
"""
