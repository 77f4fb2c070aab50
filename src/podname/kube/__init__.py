"""Floor 2: the Kubernetes API as typed objects in a store that follows the cluster. Nothing of DNS."""
