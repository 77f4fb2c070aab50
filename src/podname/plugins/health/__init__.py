"""The `health` directive: says that the process is alive, and holds up its end."""
