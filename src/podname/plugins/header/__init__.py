"""The `header` directive: sets and clears flags of queries and responses."""
