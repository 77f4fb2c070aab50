"""The `metadata` directive: gathers what plugins know of a query."""
