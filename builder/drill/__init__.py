"""Drills measure from outside what a fault of the primary costs the clients of a deployment.

Begin with `run`: a drill from its first check to its report. It uses

    target, health      the deployment that is drilled, and the checks that it is healthy
    probe, probes       the items and objects that a drill writes, and the three ways to write and read them
    load                requests sent at their planned times, and the watches that see them arrive in other regions
    faults              the faults of the primary; `changes` makes and undoes them, by a `note` that is kept in AWS
    replication         what pauses replication: AWS FIS, or the embedded AWS
    context             an open drill and its cleanup, also of a drill that was killed
    tasks               tasks that fail together, and work that is finished even when it is cancelled

A drill writes the lines of `records` while it runs, and nothing else. Pure functions measure from these lines:

    service             RTO, failback, gaps, availability     exposure     RPO and delays of each pair of regions
    consistency         do the regions agree in the end?      verdict      the measurements against the objectives
    findings            a log to a report                     history      reports compared over time
"""
