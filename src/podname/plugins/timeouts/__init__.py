"""The `timeouts` directive: how long connections may take, and how much they may ask."""
