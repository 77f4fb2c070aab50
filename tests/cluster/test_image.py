"""podname's own image, built from the Dockerfile, in pods that may do nothing but bind to port 53."""

from collections.abc import Iterator, Mapping

import pytest
from tests.cluster.harness import access, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until

STRICT: Object = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What the manifests of publish and webhook have."""
BINDING: Object = STRICT | {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
"""The same for a server on port 53."""
COREFILE = """
.:53 {
    errors
    health {
        lameduck 1s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods verified
        pod_names
    }
}
"""


@pytest.fixture
def served(cluster: Cluster, space: str, podname_image: str) -> Iterator[str]:
    """Let podname serve in a pod `dns`, with an account of its own; give its address."""
    access.create_account(cluster.api, space, access.PODNAME_RULES, home=space)
    for item in server(space, podname_image, COREFILE):
        cluster.api.create(item)
    yield ready(cluster, space)
    print(cluster.kubectl("-n", space, "logs", "dns"))
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        cluster.api.delete(kind, space)


def server(space: str, image: str, corefile: str, **spec: object) -> list[Object]:
    """Give a pod that serves a Corefile, and the Corefile."""
    probes = {
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 1},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
    }
    container = {
        **podname(image, "-conf", "/etc/podname/Corefile"),
        **probes,
        "securityContext": BINDING,
        "volumeMounts": [{"name": "corefile", "mountPath": "/etc/podname", "readOnly": True}],
    }
    volume = {"name": "corefile", "configMap": {"name": "corefile"}}
    rest: Object = {"terminationGracePeriodSeconds": 20, "dnsPolicy": "Default"}
    rest |= {"containers": [container], "volumes": [volume], "serviceAccountName": space, **spec}
    named = {"name": "corefile", "namespace": space}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": named,
            "data": {"Corefile": corefile},
        },
        workloads.pod("dns", namespace=space, **rest),
    ]


def podname(image: str, *words: str) -> Object:
    """Give a container that runs a command of podname, with nothing allowed."""
    return {
        "name": "podname",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": list(words),
        "securityContext": STRICT,
    }


def ready(cluster: Cluster, space: str) -> str:
    """Wait until the pod `dns` is ready; give its address."""

    def there() -> str:
        status = cluster.api.get("Pod", "dns", space)["status"]
        states = {each["type"]: each["status"] for each in status.get("conditions", ())}
        return str(status["podIP"]) if states.get("Ready") == "True" else ""

    def told() -> str:
        return cluster.kubectl("-n", space, "describe", "pod", "dns")[-3000:] + logs(cluster, space)

    return until(there, told)


def logs(cluster: Cluster, space: str) -> str:
    return cluster.kubectl("-n", space, "logs", "dns")


def status_of(cluster: Cluster, space: str) -> Mapping[str, str]:
    """Read /proc/1/status of the pod `dns`."""
    text = cluster.exec("dns", "cat", "/proc/1/status", namespace=space)
    return {
        key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())
    }


def test_serves_on_port_53_by_udp_and_tcp(cluster: Cluster, space: str, served: str) -> None:
    cluster.api.create(workloads.pod("client", namespace=space, app="client"))
    cluster.running_pods(space, "client", 1)
    name = f"dns.{space}.pod.cluster.local"
    for transport in ("+notcp", "+tcp"):
        assert cluster.dig("client", transport, f"@{served}", name, namespace=space) == [served]
    status = status_of(cluster, space)
    assert status["Uid"].split() == ["65532"] * 4
