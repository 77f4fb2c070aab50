"""The directive `kubernetes`: the names of a cluster."""
