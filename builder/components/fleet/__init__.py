"""The same system in many accounts: StackSets of each of its stacks, and the roles that they take."""
