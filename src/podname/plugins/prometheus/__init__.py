"""The `prometheus` directive: metrics under CoreDNS's names."""
