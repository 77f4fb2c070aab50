"""The `errors` directive: one line for each query that could not be answered."""
