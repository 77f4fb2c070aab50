"""The `rewrite` directive: changes queries on their way to the next plugins, and responses on their way back."""
