"""podname's own image, built from the Dockerfile: what is in it, and pods that may do nothing but bind to port 53."""

import json
import re
import tarfile
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import IO, Any

import pytest
import yaml
from tests.cluster.harness import ClusterError, access, image, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until

SPACE = "image"


def shipped(way: str) -> Object:
    """Read the security context that a way's manifest gives podname."""
    manifest = yaml.safe_load((image.ROOT / "deploy" / way / "deployment.yaml").read_text())
    context: Object = manifest["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    return context


STRICT = shipped("publish")
"""What all need that do not listen on port 53: nothing."""
BINDING = shipped("replacement")
"""What a server on port 53 needs."""
NET_BIND_SERVICE = 1 << 10
LAMEDUCK_SECONDS = 1
COREFILE = f"""
.:53 {{
    errors
    health {{
        lameduck {LAMEDUCK_SECONDS}s
    }}
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        pods verified
        pod_names
    }}
}}
"""
ADDED_MEBIBYTES = 64
"""What podname may add to its base: dependencies, bytecode, engine and a copy of Python."""
UNWANTED = re.compile(
    r"(^|/)(pip|setuptools|wheel|ensurepip|gcc|cc|cargo|rustc|maturin)(-[\d.]+|\d*$|/|\.whl)"
)


@pytest.fixture(scope="module")
def account(cluster: Cluster, podname_image: str) -> Iterator[str]:
    """Make a namespace, and in it an account that may read what podname reads; give the image's name."""
    cluster.api.create(workloads.namespace(SPACE))
    access.create_account(cluster.api, SPACE, access.PODNAME_RULES, home=SPACE)
    until(lambda: cluster.api.find("ServiceAccount", SPACE), "the service account")
    yield podname_image
    for kind in ("ClusterRoleBinding", "ClusterRole", "Namespace"):
        cluster.api.delete(kind, SPACE)


@pytest.fixture(scope="module")
def dns(cluster: Cluster, account: str) -> str:
    """Serve from a pod `dns`, on port 53; give its address."""
    serve(cluster, "dns", account, COREFILE, BINDING)
    return ready(cluster, "dns")


def serve(
    cluster: Cluster, name: str, podname: str, corefile: str, context: Object, **spec: object
) -> None:
    """Start a pod that serves a Corefile."""
    probes: Object = {
        f"{kind}Probe": {"httpGet": {"path": f"/{path}", "port": port}, "periodSeconds": 1}
        for kind, path, port in (("liveness", "health", 8080), ("readiness", "ready", 8181))
    }
    probes["livenessProbe"]["failureThreshold"] = 60  # a busy machine is no defect
    mount = {"name": "corefile", "mountPath": "/etc/podname", "readOnly": True}
    container = {
        **run(podname, "-conf", "/etc/podname/Corefile", securityContext=context),
        **probes,
        "volumeMounts": [mount],
    }
    metadata = {"name": name, "namespace": SPACE}
    data = {"Corefile": corefile}
    cluster.api.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    )
    volumes = [{"name": "corefile", "configMap": {"name": name}}]
    start(cluster, name, container, volumes=volumes, **spec)


def run(podname: str, *words: str, **rest: object) -> Object:
    """Return a container that runs a command of podname, with nothing allowed."""
    policy = {"imagePullPolicy": "IfNotPresent", "securityContext": STRICT}
    return {"name": "podname", "image": podname, "args": list(words), **policy, **rest}


def start(cluster: Cluster, name: str, container: Object, **spec: object) -> None:
    rest: Object = {"restartPolicy": "Never", "serviceAccountName": SPACE, "dnsPolicy": "Default"}
    rest |= {"terminationGracePeriodSeconds": 20, "containers": [container], **spec}
    cluster.api.create(workloads.pod(name, namespace=SPACE, **rest))


def ready(cluster: Cluster, name: str) -> str:
    """Wait until a pod is ready; give its address."""

    def there() -> str:
        status = cluster.api.get("Pod", name, SPACE)["status"]
        states = {each["type"]: each["status"] for each in status.get("conditions", ())}
        return str(status["podIP"]) if states.get("Ready") == "True" else ""

    def told() -> str:
        return cluster.kubectl("-n", SPACE, "describe", "pod", name)[-3000:] + logs(cluster, name)

    return until(there, told, deadline_seconds=60)


def ended(cluster: Cluster, name: str) -> dict[str, Any]:
    """Wait until the container of a pod has ended, and give how."""

    def state() -> dict[str, Any]:
        status = cluster.api.get("Pod", name, SPACE)["status"]
        (container,) = status.get("containerStatuses") or [{"state": {}}]
        found: dict[str, Any] = container["state"].get("terminated", {})
        return found

    return until(state, f"the end of the pod {name}", deadline_seconds=60)


def logs(cluster: Cluster, name: str) -> str:
    return cluster.kubectl("-n", SPACE, "logs", name)


def parsed(text: str) -> dict[str, str]:
    """Read what /proc/PID/status says."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {key: value.strip() for key, _, value in pairs}


def capabilities(status: dict[str, str]) -> dict[str, int]:
    return {key: int(value, 16) for key, value in status.items() if key.startswith("Cap")}


def test_answers_on_port_53_by_udp_and_tcp(cluster: Cluster, dns: str) -> None:
    cluster.api.create(workloads.pod("client", namespace=SPACE, app="client"))
    cluster.running_pods(SPACE, "client", 1)
    name = f"dns.{SPACE}.pod.cluster.local"
    for transport in ("+notcp", "+tcp"):
        assert cluster.dig("client", transport, f"@{dns}", name, namespace=SPACE) == [dns]
    reverse = cluster.dig("client", f"@{dns}", "-x", dns, namespace=SPACE)
    assert reverse == [f"{name}."]


@pytest.mark.usefixtures("dns")
def test_the_server_may_bind_and_nothing_else(cluster: Cluster) -> None:
    status = parsed(cluster.exec("dns", "cat", "/proc/1/status", namespace=SPACE))
    assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert capabilities(status) == {
        "CapInh": 0,
        "CapPrm": NET_BIND_SERVICE,
        "CapEff": 0,  # but for the moment when it binds
        "CapBnd": NET_BIND_SERVICE,
        "CapAmb": 0,
    }


@pytest.mark.usefixtures("dns")
def test_the_engine_is_native(cluster: Cluster) -> None:
    assert "engine native" in cluster.exec("dns", "podname", "-version", namespace=SPACE)
    assert "engine native" in logs(cluster, "dns")


@pytest.mark.usefixtures("dns")
def test_probes_reach_it(cluster: Cluster) -> None:
    for port, path, said in ((8080, "health", "OK"), (8181, "ready", "OK")):
        address = f"/api/v1/namespaces/{SPACE}/pods/dns:{port}/proxy/{path}"
        assert cluster.kubectl("get", "--raw", address).strip() == said
    (container,) = cluster.api.get("Pod", "dns", SPACE)["status"]["containerStatuses"]
    assert (container["ready"], container["restartCount"]) == (True, 0)


@pytest.mark.usefixtures("dns")
def test_nothing_can_be_written_and_nothing_needs_to_be(cluster: Cluster) -> None:
    for path in ("/opt/podname/x", "/tmp/x", "/x"):
        with pytest.raises(ClusterError, match="Read-only file system"):
            cluster.exec("dns", "python3", "-c", f"open('{path}', 'w')", namespace=SPACE)
    program = """
import pathlib, sys
import podname.cli.serve, podname.cli.publish, podname.cli.webhook, podname.plugins.forward.handler
files = [m.__cached__ for m in list(sys.modules.values()) if getattr(m, "__cached__", None)]
missing = [path for path in files if not pathlib.Path(path).exists()]
assert len(files) > 50 and not missing, (len(files), missing)
"""
    cluster.exec("dns", "python3", "-c", program, namespace=SPACE)


def test_without_any_capability_the_image_runs(cluster: Cluster, account: str) -> None:
    program = "print(open('/proc/self/status').read()); import podname.cli; podname.cli.main()"
    command = ["python3", "-c", program, "-version"]
    start(cluster, "nothing", run(account, command=command[:3], args=command[3:]))
    assert ended(cluster, "nothing")["exitCode"] == 0, logs(cluster, "nothing")
    assert "engine native" in logs(cluster, "nothing")
    assert set(capabilities(parsed(logs(cluster, "nothing"))).values()) == {0}


def test_without_the_capability_port_53_is_refused_and_told(cluster: Cluster, account: str) -> None:
    serve(cluster, "refused", account, COREFILE, STRICT)
    assert ended(cluster, "refused")["exitCode"] == 1
    assert "cannot listen on dns://:53: Permission denied" in logs(cluster, "refused")
    assert "NET_BIND_SERVICE" in logs(cluster, "refused")


def test_a_sysctl_of_the_pod_does_as_well(cluster: Cluster, account: str) -> None:
    sysctls = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "53"}]
    serve(cluster, "sysctl", account, COREFILE, STRICT, securityContext={"sysctls": sysctls})
    ready(cluster, "sysctl")
    cluster.api.delete("Pod", "sysctl", SPACE)


def test_a_broken_corefile_is_told_with_its_place(cluster: Cluster, account: str) -> None:
    serve(
        cluster, "broken", account, ".:53 {\n    errors\n    kubernets cluster.local\n}\n", BINDING
    )
    assert ended(cluster, "broken")["exitCode"] == 2
    assert "/etc/podname/Corefile:3:5: " in logs(cluster, "broken")
    assert "kubernets" in logs(cluster, "broken")


def test_sigterm_ends_it_after_lameduck(cluster: Cluster, account: str) -> None:
    serve(cluster, "ending", account, COREFILE, BINDING)
    ready(cluster, "ending")
    asked = cluster.exec("ending", "sh", "-c", "date +%s; kill -TERM 1", namespace=SPACE)
    how = ended(cluster, "ending")
    assert (how["exitCode"], how["reason"]) == (0, "Completed"), logs(cluster, "ending")
    lasted = seconds(how["finishedAt"]) - int(asked)
    assert LAMEDUCK_SECONDS - 1 <= lasted <= LAMEDUCK_SECONDS + 5


def seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp())


def content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    assert found is not None, name
    return found


def layers() -> list[list[tarfile.TarInfo]]:
    """Return what is in each layer of the image."""
    with tarfile.open(image.podname_image()) as archive:
        manifest = json.load(content(archive, "manifest.json"))
        found = []
        for name in manifest[0]["Layers"]:
            with tarfile.open(fileobj=content(archive, name)) as layer:
                found.append(layer.getmembers())
    return found


def test_the_image_is_its_base_and_one_small_layer(progress: Callable[[str], None]) -> None:
    base, ours = (sum(member.size for member in layer) / 2**20 for layer in layers())
    progress(f"podname's image: {base:.0f} MiB of base and {ours:.0f} MiB of podname")
    assert ours < ADDED_MEBIBYTES


def test_no_tools_and_nothing_that_others_may_change() -> None:
    members = layers()[-1]
    assert [member.name for member in members if UNWANTED.search(member.name)] == []
    assert {member.name.split("/")[0] for member in members} == {"opt"}
    assert [member.name for member in members if member.uid or member.gid] == []
    assert [m.name for m in members if not m.issym() and m.mode & 0o6022] == []
    capable = [m.name for m in members if "SCHILY.xattr.security.capability" in m.pax_headers]
    assert capable == ["opt/podname/bin/python3"]


def test_the_image_says_what_it_is() -> None:
    with tarfile.open(image.podname_image()) as archive:
        manifest = json.load(content(archive, "manifest.json"))
        config = json.load(content(archive, manifest[0]["Config"]))["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["podname"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
