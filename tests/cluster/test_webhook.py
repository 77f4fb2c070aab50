"""`podname webhook` with the objects and the permissions of `deploy/webhook`, running as a pod.

There is no image with Python here: the webhook's pod is the Deployment that we ship, in the Erlang image, with the
machine's Python and podname mounted into it.
"""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.harness import workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.images import ERLANG
from tests.cluster.harness.waiting import until

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "webhook"
MARK = "podname.dev/inject"
HOME, NAME = "podname", "podname-webhook"


def with_python(deployment: Object) -> Object:
    """Let the Deployment run podname from this machine: what its image would hold is mounted."""
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    container |= {"image": ERLANG, "imagePullPolicy": "Never"}
    container["command"] = [sys.executable, "-m", "podname"]
    folders = {"machine": sys.base_prefix, "podname": str(ROOT)}
    spec["volumes"] = [{"name": key, "hostPath": {"path": path}} for key, path in folders.items()]
    container["volumeMounts"] = [
        {"name": key, "mountPath": path, "readOnly": True} for key, path in folders.items()
    ]
    # The machine's Python lies where only root may read; all else of the security context stays.
    container["securityContext"] |= {"runAsNonRoot": False, "runAsUser": 0}
    container["securityContext"]["capabilities"]["add"] = ["DAC_READ_SEARCH"]
    deployment["spec"]["replicas"] = 1
    return deployment


def configuration(cluster: Cluster) -> dict[str, Any]:
    text = cluster.kubectl("get", "mutatingwebhookconfiguration", NAME, "-o", "json")
    found: dict[str, Any] = json.loads(text)
    return found


def bundles(cluster: Cluster) -> set[str]:
    webhooks = configuration(cluster)["webhooks"]
    return {webhook["clientConfig"].get("caBundle", "") for webhook in webhooks}


def scale(cluster: Cluster, replicas: int) -> None:
    """Wait until so many webhooks are ready and are where the Service leads."""
    cluster.kubectl("-n", HOME, "scale", "deployment", NAME, f"--replicas={replicas}")

    def ready() -> int:
        found = cluster.api.find("EndpointSlice", HOME, f"kubernetes.io/service-name={NAME}")
        endpoints = [each for item in found for each in item["endpoints"] or ()]
        return sum(bool(each["conditions"].get("ready")) for each in endpoints)

    def told() -> str:
        return cluster.kubectl("-n", HOME, "describe", "pods")[-3000:] + logs(cluster)

    def there() -> bool:  # one that ends serves for a moment what is connected
        pods = cluster.api.find("Pod", HOME)
        return ready() == replicas == len(pods)

    until(there, told, deadline_seconds=90)


def logs(cluster: Cluster) -> str:
    return cluster.kubectl("-n", HOME, "logs", "--tail=20", f"deployment/{NAME}")


def failures(cluster: Cluster) -> str:
    """Give what the API server says of webhooks that it could not ask."""
    lines = (cluster.folder / "kube-apiserver.log").read_text(errors="replace").splitlines()
    told = [line for line in lines if "ebhook" in line]
    return "\n".join([*told[-10:], logs(cluster)])


@pytest.fixture(scope="module")
def webhook(cluster: Cluster) -> Iterator[None]:
    items = list(yaml.safe_load_all(cluster.kubectl("kustomize", str(DEPLOY))))
    text = yaml.safe_dump_all(items)
    others = [item for item in items if item["kind"] != "Deployment"]
    (deployment,) = [item for item in items if item["kind"] == "Deployment"]
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(others))
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(with_python(deployment)))
    scale(cluster, 1)
    yield
    cluster.kubectl("delete", "mutatingwebhookconfiguration", NAME)
    cluster.kubectl("delete", "namespace", HOME, "--wait=false")


def labelled(cluster: Cluster, space: str, way: str) -> None:
    cluster.api.patch("Namespace", space, {"metadata": {"labels": {MARK: way}}}, "")


def created(cluster: Cluster, name: str, space: str, **metadata: Any) -> Object:
    """Create a pod that no node takes, and give it as it was admitted."""
    item = workloads.pod(name, namespace=space, schedulerName="nobody")
    item["metadata"] |= metadata
    return cluster.api.create(item)


def environment(pod: Object) -> dict[str, Any]:
    (container,) = pod["spec"]["containers"]
    return {each["name"]: each.get("value") for each in container.get("env", ())}


def is_injected(pod: Object) -> bool:
    return "RELEASE_DISTRIBUTION" in environment(pod)


def becomes_injected(cluster: Cluster, space: str) -> None:
    """Wait until the API server asks: kube-proxy and its own caches may need a moment."""
    numbers = iter(range(10**6))
    until(
        lambda: is_injected(created(cluster, f"try-{next(numbers)}", space)),
        lambda: logs(cluster),
        deadline_seconds=60,
    )


@pytest.mark.usefixtures("webhook")
def test_a_labelled_namespace_and_one_that_is_not(
    cluster: Cluster, space: str, other_space: str
) -> None:
    labelled(cluster, space, "search")
    becomes_injected(cluster, space)
    cluster.api.create(workloads.deployment("web", 2, namespace=space))
    for name in cluster.running_pods(space, "web", 2):
        pod = cluster.api.get("Pod", name, space)
        assert pod["spec"]["dnsConfig"]["searches"] == [f"{space}.pod.cluster.local"]
        assert environment(pod)["RELEASE_DISTRIBUTION"] == "sname"
        assert f"{space}.pod.cluster.local" in cluster.exec(
            name, "cat", "/etc/resolv.conf", namespace=space
        )
    cluster.api.create(workloads.deployment("web", 2, namespace=other_space))
    for name in cluster.running_pods(other_space, "web", 2):
        pod = cluster.api.get("Pod", name, other_space)
        assert not is_injected(pod)
        assert "dnsConfig" not in pod["spec"]


@pytest.mark.usefixtures("webhook")
def test_the_pod_wins_over_its_namespace(cluster: Cluster, space: str, other_space: str) -> None:
    labelled(cluster, space, "search")
    becomes_injected(cluster, space)
    no = created(cluster, "no", space, labels={MARK: "false"})
    assert not is_injected(no)
    epmd = created(cluster, "epmd", space, annotations={MARK: "epmd"})
    assert "podname_epmd" in environment(epmd)["ERL_AFLAGS"]
    by_label = created(cluster, "inetrc", other_space, labels={MARK: "inetrc"})
    volumes = by_label["spec"]["volumes"]
    assert "inetrc-podname" in [each.get("configMap", {}).get("name") for each in volumes]


@pytest.mark.usefixtures("webhook")
def test_a_pod_with_a_hostname_is_created_as_it_is(cluster: Cluster, space: str) -> None:
    item = workloads.pod("other", namespace=space, hostname="elsewhere")
    item["metadata"]["annotations"] = {MARK: "search"}
    text = cluster.kubectl("create", "-f", "-", "-o", "json", stdin=yaml.safe_dump(item))
    assert not is_injected(json.loads(text))


@pytest.mark.usefixtures("webhook")
def test_the_certificate_is_renewed_without_a_gap(cluster: Cluster, space: str) -> None:
    labelled(cluster, space, "subdomain")
    becomes_injected(cluster, space)
    before = bundles(cluster)
    assert len(before) == 1
    assert before != {""}
    cluster.api.patch("Secret", NAME, {"data": {"tls.key": base64.b64encode(b"x").decode()}}, HOME)
    until(
        lambda: bundles(cluster) not in (before, {""}), lambda: logs(cluster), deadline_seconds=60
    )
    for number in range(20):  # the new authority is known, the old certificate still shown
        assert is_injected(created(cluster, f"pod-{number}", space)), failures(cluster)


@pytest.mark.usefixtures("webhook")
def test_without_the_webhook_pods_start(cluster: Cluster, space: str) -> None:
    labelled(cluster, space, "search")
    becomes_injected(cluster, space)
    scale(cluster, 0)
    try:
        cluster.api.create(workloads.deployment("web", 1, namespace=space))
        (name,) = cluster.running_pods(space, "web", 1)
        assert not is_injected(cluster.api.get("Pod", name, space))
    finally:
        scale(cluster, 1)
