"""The command line: the one room that knows every part. Each row imports those below it, also inside functions.

main       the parser, what help shows, and errors to text and exit codes
offline, policy, plan, deploy, backfill, call, destroy, status, adopt, drill, failback, promote, runbook
           the verbs, in the order of their help
allowed    --allow, typed again after a crash
denied     what to allow whoever lacks a right
command    a verb as click takes it: its global options, its session, its scope
system, fleet   the two scopes
execution  change sets of the system's stacks, executed
scope      the system or its fleet, as the verbs know it
session    clients, console, what is made of the files, and how work is run
project    what dr.yaml and the assembly say, read and no more
again      the command that goes on where another ended
options    what the command line says                       files      what verbs read and write
"""
