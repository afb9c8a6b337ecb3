"""The buckets, one a region, of which the primary's replicates to the others."""
