"""A fleet: the same system in many accounts by StackSets, planned as change sets of the stack that holds the sets."""
