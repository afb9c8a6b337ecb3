"""Drills: what a bad day would cost, measured from outside against what is deployed.

records, log     what is written down while it runs        probe            what is written into the system
delays           how long replication takes                exposure         RPO
recovery         RTO, failover and failback                reconciliation   all there and equal in the end?
traffic          requests per second by region             verdict          measured against promised
findings         a log to a report: all of this, pure

target, health   what is drilled, and is it well?          writers, load    probes sent at a steady rate
watch            when they are seen elsewhere              table, bucket    seen, read and deleted by AWS's calls
faults           what is done to the primary               note, changes    how it was, kept in AWS; made and undone
experiment       replication paused by FIS                 embedded         what only the embedded AWS can be told
run              an open drill                             replication, failover   the two courses
restore, clear   nothing stays behind                      remains       what could not be taken away
"""
