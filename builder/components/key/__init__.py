"""The key that encrypts a system's data: one of several regions, its replicas, and the name by which it is found."""
