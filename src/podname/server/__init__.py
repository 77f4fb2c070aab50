"""Floor 5: how the parts are joined: server blocks, listeners, lifecycle, signals, reload."""
