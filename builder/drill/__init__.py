"""Drills: what a bad day would cost, measured from outside against what is deployed.

Begin with `run`, a drill from its first look to its report; what it takes is told by

    target, health      what is drilled, and whether it is well
    probe, probes       what is written, and the three ways to have it written and to see it
    load                slots sent at their times, and what of them is seen elsewhere
    faults              what is done to the primary; `changes` makes and undoes it, by the `note` that it keeps in AWS
    replication         what pauses it: FIS, or the embedded AWS
    context             an open drill and its end; what one that came to no end left
    tasks               what stands and falls together, and what is done to its end

and what was measured by `records`, which is all that is written down while it runs, and pure functions of them:

    service             RTO, failback, gaps, availability     exposure     RPO and delays of each pair of regions
    consistency         is all there and equal in the end?    verdict      measured against promised
    findings            a log to a report                     history      reports compared over time
"""
