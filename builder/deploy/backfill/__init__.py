"""Backfill: S3 Batch Replication of the objects that a bucket had before its rule.

    records     which buckets replicate to which, what a job of each is to do, how it ended
    jobs        a job for each bucket that replicates, created unless one exists for the work, watched to its end
    drained     what is not replicated yet before a secondary becomes the primary

A job is for a bucket, not for a direction: S3 replicates each object by every rule of its bucket.
"""
