"""The `auto` directive: zones from a folder of files."""
