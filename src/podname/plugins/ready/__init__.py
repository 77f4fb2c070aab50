"""The `ready` directive: says whether every plugin can answer."""
