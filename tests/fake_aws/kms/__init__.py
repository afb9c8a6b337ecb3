"""KMS: keys, their replicas and aliases, as far as stacks make them."""
