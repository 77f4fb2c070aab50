"""The `loadbalance` directive: addresses take turns."""
