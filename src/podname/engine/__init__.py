"""Floor 3: the table of ready answers and the packet loop. Octets, zones, counters; no Kubernetes."""
