"""Backfill: what was in a bucket before a rule, replicated by S3 Batch Replication.

    compare     what each bucket has that another lacks, key by key
    jobs        which buckets replicate to which, one job for each that does, watched to its end

A job belongs to a bucket, not to a direction: S3 replicates each object by every rule of its bucket.
"""
