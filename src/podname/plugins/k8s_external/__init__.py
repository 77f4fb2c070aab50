"""The `k8s_external` directive: answers with the addresses that Services have outside the cluster."""
