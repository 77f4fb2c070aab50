"""Floor 1: DNS as octets. Pure functions; no I/O, no clock, and nothing of Kubernetes."""
