"""S3: a bucket with all of its properties, and objects that are replicated when they are due.

`bucket` is the resource type, with the names it takes, and writes its properties as requests of the API. `imports`
takes buckets and their policies into stacks, `settings` keeps or refuses what the emulator only takes.
`writes` sends objects, delete markers and tags to the buckets that replication rules name, `copies` puts them there.
`encryption` has the keys of KMS. `batch` replicates what was there before a rule, as `control` is asked to.
"""

from builder.local.adapter.s3 import batch, encryption, writes

__all__ = ["batch", "bucket", "encryption", "writes"]
