"""The `autopath` directive: the rest of a client's search list is tried for it."""
