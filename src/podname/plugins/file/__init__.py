"""The `file` directive: zones from files."""
