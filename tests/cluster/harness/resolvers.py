"""podname as the resolver of those pods that name it, beside the cluster's own DNS.

Sources: docs/permissions.md (what a Role for one namespace must allow); the Pod's `dnsConfig`.
"""

from collections.abc import Sequence

from tests.cluster.harness import access
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer

ZONE = "cluster.local"
FIRST, SECOND = "10.43.0.53", "10.43.0.54"
"""Service addresses that tests give to podname."""
COREFILE = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig {$KUBECONFIG}
        SCOPE
        pod_names
        endpoint_pod_names
        ttl 1
    }
}
"""


def podname(cluster: Cluster, *, only_in: str = "") -> DnsServer:
    """Start podname for the whole cluster, or with a Role for one namespace and for its names."""
    scope = f"namespaces {only_in}" if only_in else ""
    rules = [
        access.reads("services", "pods", *([] if only_in else ["namespaces"])),
        access.reads("endpointslices", group="discovery.k8s.io"),
    ]
    kubeconfig = cluster.kubeconfig(rules, only_in=only_in)
    return cluster.start_server("podname", COREFILE.replace("SCOPE", scope), kubeconfig)


def asks(*addresses: str, searches: Sequence[str] = ()) -> Object:
    """Return the fields of a pod that asks these DNS servers and no others."""
    return {
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": [*addresses], "searches": [*searches]},
    }


def searches(namespace: str) -> list[str]:
    """Return the search domains with which the names of a namespace's pods and Services are short."""
    return [f"{namespace}.pod.{ZONE}", f"{namespace}.svc.{ZONE}"]
