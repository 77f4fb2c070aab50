"""The `tls` directive: certificates of a block that is served over TLS or HTTPS."""
