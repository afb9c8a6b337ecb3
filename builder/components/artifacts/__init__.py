"""The bucket of a region through which code and templates travel, where dr.yaml names none of its own."""
