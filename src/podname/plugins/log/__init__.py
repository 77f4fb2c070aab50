"""The `log` directive: one line for each query."""
