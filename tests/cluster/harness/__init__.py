"""A real Kubernetes cluster on one machine, inside namespaces of its own.

`cluster.Cluster` is the whole of it: a context manager that starts etcd, the API server and the
controllers, and on demand a node with a kubelet, containerd and real pods. Everything runs in a
network, mount and process namespace whose first process watches a pipe that only the harness
holds. When the harness ends, in whatever way, that process ends, and with it every program, mount,
interface and rule of the cluster: there is nothing to tear down in order and nothing to forget.

The floors, from the ground: `workspace` (the folder of a run), `namespace`, `programs` and
`images` (what is built once and cached), `processes` (one started program), `controlplane`,
`node`, `servers` (CoreDNS and podname), `api` and `access` (the client), `cluster`.
"""


class ClusterError(Exception):
    """The harness could not do what a test asked; the message says what, and shows the log."""
