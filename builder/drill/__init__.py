"""Drills: what a bad day would cost, measured from outside against what is deployed.

records, log     what is written down while it runs        clock            when
service          RTO, failback, gaps, availability         exposure         RPO of each pair of regions
delays           how long replication takes                reconciliation   all there and equal in the end?
counter          stale reads and overwritten updates       traffic          requests per second by region
verdict          measured against promised                 findings         a log to a report: all of this, pure

target, health   what is drilled, and is it well?          probe            what is written, and what each slot writes
probes           the three kinds: handler, paths, table    table, bucket    seen, read and deleted by AWS's calls
load             slots sent at their times, a counter      watch            when what was written is seen elsewhere
faults           what is done to the primary               note, changes    how it was, kept in AWS; made and undone
experiment       replication paused by FIS                 embedded         what only the embedded AWS can be told
run              an open drill, and what clears it away    replication, failover   the two courses
restore          what a killed drill left                  remains          what could not be taken away
"""
