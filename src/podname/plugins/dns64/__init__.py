"""The `dns64` directive: gives clients without IPv4 addresses that a translator leads to IPv4."""
