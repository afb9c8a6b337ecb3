"""Backfill: what was in a bucket before a rule, replicated by S3 Batch Replication.

    records     which buckets replicate to which, what a job of each is to do, how it ended
    jobs        a job for each bucket that replicates, created unless one exists for the work, watched to its end

A job belongs to a bucket, not to a direction: S3 replicates each object by every rule of its bucket.
"""
