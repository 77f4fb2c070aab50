"""`podname webhook` as `deploy/webhook` installs it, and what the API server makes of pods with it.

Sources: docs/webhook.md; Kubernetes, Dynamic Admission Control.
"""

import base64
import itertools
import json
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster.harness import workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until

DEPLOY = Path(__file__).parents[3] / "deploy" / "webhook"
MARK = "podname.dev/inject"
HOME, NAME = "podname", "podname-webhook"
HOST, PORT = f"{NAME}.{HOME}.svc", 8443
REPLICAS = 2
_NUMBERS = itertools.count()


def install(cluster: Cluster) -> None:
    """Apply `deploy/webhook` as it is, and wait for its replicas; podname's image is there."""
    cluster.kubectl("apply", "--validate=strict", "-k", str(DEPLOY))
    wait_for(cluster, REPLICAS)


def remove(cluster: Cluster) -> None:
    """Take it away, and wait until it is gone."""
    cluster.kubectl("delete", "-k", str(DEPLOY))


def scale(cluster: Cluster, replicas: int) -> None:
    """Let there be so many."""
    cluster.kubectl("-n", HOME, "scale", "deployment", NAME, f"--replicas={replicas}")
    wait_for(cluster, replicas)


def wait_for(cluster: Cluster, replicas: int) -> None:
    """Wait until so many are ready, are where the Service leads, and no other is left."""

    def told() -> str:
        return cluster.kubectl("-n", HOME, "describe", "pods")[-3000:] + logs(cluster)

    def there() -> bool:  # one that ends serves for a moment what is connected
        return len(ready(cluster)) == replicas == len(cluster.api.find("Pod", HOME))

    until(there, told, deadline_seconds=90)


def ready(cluster: Cluster) -> dict[str, str]:
    """Return the replicas where the Service leads, and their addresses."""
    slices = cluster.api.find("EndpointSlice", HOME, f"kubernetes.io/service-name={NAME}")
    endpoints = [each for item in slices for each in item["endpoints"] or ()]
    return {
        each["targetRef"]["name"]: each["addresses"][0]
        for each in endpoints
        if each["conditions"].get("ready")
    }


def logs(cluster: Cluster) -> str:
    """Return what the replicas said last, and what the API server says of those it could not ask."""
    lines = (cluster.folder / "kube-apiserver.log").read_text(errors="replace").splitlines()
    told = [line for line in lines if "ebhook" in line]
    said = cluster.kubectl(
        "-n",
        HOME,
        "logs",
        "--ignore-errors",
        "--tail=20",
        f"--selector=app.kubernetes.io/name={NAME}",
    )
    return "\n".join([*told[-10:], said])


def entries(cluster: Cluster) -> dict[str, Any]:
    """Return the entries of the configuration by the first word of their names."""
    text = cluster.kubectl("get", "mutatingwebhookconfiguration", NAME, "-o", "json")
    return {each["name"].partition(".")[0]: each for each in json.loads(text)["webhooks"]}


def authorities(cluster: Cluster) -> str:
    """Return the CAs that the API server trusts, which are the same for all entries."""
    (bundle,) = {each["clientConfig"].get("caBundle", "") for each in entries(cluster).values()}
    return base64.b64decode(bundle).decode()


def certificate(cluster: Cluster, address: str) -> bytes:
    """Return the certificate that a replica shows, if the API server would trust it. Raises OSError."""
    context = ssl.create_default_context(cadata=authorities(cluster))
    with (
        cluster.namespace.connect(address, PORT, timeout_seconds=5) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return shown


def says(cluster: Cluster, space: str, place: str, way: str | None) -> None:
    """Let a namespace say a way in its `labels` or `annotations`, or nothing any more."""
    cluster.api.patch("Namespace", space, {"metadata": {place: {MARK: way}}}, "")


def created(cluster: Cluster, name: str, space: str, **metadata: Any) -> Object:
    """Create a pod that no node takes, and give it as it was admitted."""
    item = workloads.pod(name, namespace=space, schedulerName="nobody")
    item["metadata"] |= metadata
    return cluster.api.create(item)


def one_more(cluster: Cluster, space: str) -> Object:
    """Create a pod, give it as it was admitted, and take it away again."""
    item = created(cluster, f"pod-{next(_NUMBERS)}", space)
    cluster.api.delete("Pod", item["metadata"]["name"], space, now=True)
    return item


def environment(pod: Object) -> dict[str, Any]:
    """Return the variables of a pod's container."""
    (container,) = pod["spec"]["containers"]
    return {each["name"]: each.get("value") for each in container.get("env", ())}


def way(pod: Object) -> str:
    """Tell which way a pod was injected; empty if it was not."""
    names = environment(pod)
    if "RELEASE_DISTRIBUTION" not in names:
        return ""
    if "searches" in pod["spec"].get("dnsConfig", {}):
        return "search"
    if "ERL_INETRC" in names:
        return "inetrc"
    return "epmd" if "podname_epmd" in str(names.get("ERL_AFLAGS")) else "subdomain"


def becomes(cluster: Cluster, space: str, wanted: str) -> None:
    """Wait until pods of a namespace are injected so: kube-proxy and caches may need a moment."""
    until(
        lambda: way(one_more(cluster, space)) == wanted,
        lambda: f"{wanted!r}:\n{logs(cluster)}",
        deadline_seconds=60,
    )


class Creating:
    """Creates pods one after another while the `with` block runs; `missed` are not injected so."""

    PAUSE_SECONDS = 0.02

    def __init__(self, cluster: Cluster, space: str, wanted: str) -> None:
        self.count = 0
        self.missed: list[int] = []
        self._create: Callable[[], str] = lambda: way(one_more(cluster, space))
        self._wanted = wanted
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Creating":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self.PAUSE_SECONDS):
            self.count += 1
            if self._create() != self._wanted:
                self.missed.append(self.count)
