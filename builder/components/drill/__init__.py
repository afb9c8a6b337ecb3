"""The experiment by which a drill pauses replication."""
