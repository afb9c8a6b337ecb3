"""S3: a bucket with all of its properties, and objects that are replicated when they are due.

`bucket` is the resource type, with the names it takes, and writes its properties as requests of the API.
`writes` sends objects and delete markers to the buckets that replication rules name.
"""

from builder.local.adapter.s3 import writes

__all__ = ["bucket", "writes"]
