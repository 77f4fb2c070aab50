"""Each way to attach, from the manifests of `deploy/` alone: podname in pods, with the permissions that stand there.

The cluster's DNS is CoreDNS in pods, as kubeadm installs it; where a name is nobody's, the node's own DNS server is
asked. What the pages of docs/ tell people to do is done as it stands there. Released nodes, changed by `podname
inject`, find one another by the `config :libcluster` of the page.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.cluster.harness import coredns, demo, release, ways, workloads
from tests.cluster.harness.api import Object
from tests.cluster.harness.asking import asked_all_the_while
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.image import podname_image
from tests.cluster.harness.node import DNS_ADDRESS
from tests.cluster.harness.pages import Reader
from tests.cluster.harness.programs import prepare
from tests.cluster.harness.waiting import until

ZONE = "cluster.local"
API = f"kubernetes.default.svc.{ZONE}"
OUTSIDE = "www.example.org"
UPSTREAM = f"""
.:53 .:{{$PORT}} {{
    bind {{$ADDRESS}}
    ready {{$READY}}
    hosts {{
        192.0.2.80 {OUTSIDE}
    }}
}}
"""
"""The DNS server of the node, which knows one name of the world."""
THEIRS = """
theirs.example:53 {
    hosts {
        192.0.2.9 a.theirs.example
    }
}
"""
"""What somebody else has in the ConfigMap `coredns-custom`."""
SLOW_SECONDS = 120
"""For nodes that poll every five seconds, as those of the pages do, and keep a list that was short for its TTL."""
RESOURCES = ("pods", "services", "endpointslices")


@pytest.fixture(scope="module")
def cluster(progress: Callable[[str], None]) -> Iterator[Cluster]:
    """Start a cluster of this module's own: its DNS is changed and replaced."""
    with Cluster(with_node=True, progress=progress) as cluster:
        cluster.node.import_image(release.release_image())
        cluster.node.import_image(podname_image())
        coredns.bring_in(cluster, prepare()["coredns"])
        with cluster.start_server("coredns", UPSTREAM):
            coredns.install(cluster)
            yield cluster


@pytest.fixture
def reader(cluster: Cluster, tmp_path: Path) -> Reader:
    """Be somebody who follows the pages."""
    return Reader(cluster, tmp_path)


@pytest.fixture
def custom(cluster: Cluster) -> Iterator[None]:
    """Let CoreDNS import files as on k3s and AKS, where somebody has put one already."""
    coredns.install(cluster, custom=True)
    theirs: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns-custom", "namespace": coredns.HOME},
        "data": {"theirs.server": THEIRS},
    }
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(theirs))
    yield
    cluster.api.delete("ConfigMap", "coredns-custom", coredns.HOME)
    coredns.install(cluster)


def write_deployment(cluster: Cluster, reader: Reader, space: str, page: str) -> None:
    """Let the reader have a Deployment of two nodes in a file, configured as the page of a way says.

    The page speaks of the namespace `default`.
    """
    text = reader.file(page, "Use it", "config/runtime.exs")
    text = text.replace(".default.", f".{space}.").replace('"default"', f'"{space}"')
    mounts, volumes = demo.configuration("config")
    demo.configure(cluster, space, "config", f"import Config\n{text}")
    container = {"name": "demo", "volumeMounts": mounts}
    item = demo.deployment(ways.DEMO, 2, namespace=space, container=container, volumes=volumes)
    (reader.folder / "deployment.yaml").write_text(yaml.safe_dump(item, sort_keys=False))


def meet(cluster: Cluster, space: str, domain: str = "") -> dict[str, str]:
    """Wait until the two nodes see one another, called by their pods in a domain; pod names to addresses."""
    pods = demo.nodes(cluster, space, ways.DEMO, 2)
    nodes = demo.become_whole(cluster, pods.values(), deadline_seconds=SLOW_SECONDS)
    assert {each.node for each in nodes} == {f"demo@{pod}{domain}" for pod in pods}
    return pods


def asker(cluster: Cluster, space: str, nameserver: str = "") -> str:
    """Start a pod to ask from, and give its name."""
    config: Object = {"dnsPolicy": "None", "dnsConfig": {"nameservers": [nameserver]}}
    item = workloads.pod("asker", namespace=space, app="asker", **(config if nameserver else {}))
    cluster.api.create(item)
    cluster.running_pods(space, "asker", 1)
    return "asker"


def status(cluster: Cluster, space: str, pod: str, name: str) -> str:
    """Return the response code that a pod gets for a name."""
    text = cluster.exec(pod, "dig", name, namespace=space)
    return text.partition("status: ")[2].partition(",")[0]


def take_away(cluster: Cluster, reader: Reader) -> None:
    """Leave `default` as it was found."""
    cluster.kubectl(
        "delete", "--ignore-not-found", f"deployment/{ways.DEMO}", f"service/{ways.DEMO}"
    )
    reader.follow("resolver.md", "Take it away")


def with_image(text: str, number: int) -> str:
    """Let a manifest of libcluster.md run the image of the tests, with a configuration as if built into it."""
    (mount,), (volume,) = demo.configuration(f"built-{number}")
    image = f"image: {release.RELEASE}\n        volumeMounts: [{json.dumps(mount)}]"
    text = text.replace("image: registry.example.com/demo:1", image)
    return text.replace("containers:", f"volumes: [{json.dumps(volume)}]\n      containers:")


def running(cluster: Cluster) -> set[str]:
    """Return the names of all pods of the Deployment in `default`, those that are ending, too."""
    found = cluster.api.find("Pod", "default", f"app={ways.DEMO}")
    return {str(each["metadata"]["name"]) for each in found}


def test_the_resolver_of_one_namespace(cluster: Cluster, reader: Reader, other_space: str) -> None:
    write_deployment(cluster, reader, "default", "resolver.md")
    reader.follow("resolver.md", "Install it", "Use it")
    pods = meet(cluster, "default")
    (mine, place), _ = pods.items()
    assert cluster.resolve(mine, mine) == [place]
    assert cluster.dig(mine, "-x", place) == [f"{mine}.default.pod.{ZONE}."]
    assert cluster.resolve(mine, "kubernetes") == ["10.43.0.1"]
    assert cluster.resolve(mine, OUTSIDE) == ["192.0.2.80"]
    assert cluster.resolve(mine, f"kube-dns.kube-system.svc.{ZONE}") == [DNS_ADDRESS]
    address = ways.address(cluster, "podname", "default")
    theirs = asker(cluster, other_space, address)
    assert status(cluster, other_space, theirs, f"{mine}.default.pod.{ZONE}") == "NOERROR"
    name = f"{theirs}.{other_space}.pod.{ZONE}"
    assert status(cluster, other_space, theirs, name) == "NXDOMAIN"
    for resource in RESOURCES:
        for verb in ("list", "watch"):
            assert ways.may(cluster, "podname", "default", verb, resource, "default")
            assert not ways.may(cluster, "podname", "default", verb, resource, other_space)
            assert not ways.may(cluster, "podname", "default", verb, resource, "*")
    assert "403" not in ways.logs(cluster, "podname", "default")
    take_away(cluster, reader)


def test_libcluster_in_five_minutes(cluster: Cluster, reader: Reader) -> None:
    page, manifest = "libcluster.md", reader.folder / "deployment.yaml"
    before, after = "What you have", "3. Ask for names"
    for number, section in enumerate((before, after), 1):
        config = reader.file(page, section, "config/runtime.exs")
        demo.configure(cluster, "default", f"built-{number}", config)
    manifest.write_text(with_image(reader.file(page, before, "deployment.yaml"), 1))
    cluster.kubectl("apply", "-f", str(manifest))
    old = demo.nodes(cluster, "default", ways.DEMO, 3)
    nodes = demo.become_whole(cluster, old.values(), deadline_seconds=SLOW_SECONDS)
    assert {each.node for each in nodes} == {f"demo@{place}" for place in old.values()}

    reader.follow(page, "1. podname in your namespace", "2. Take the addresses out")
    named = reader.folder / "named.yaml"
    named.write_text(named.read_text().replace("built-1", "built-2"))
    reader.follow(page, "4. Apply")
    until(lambda: not old.keys() & running(cluster), "the end of the old pods", deadline_seconds=60)
    new = demo.nodes(cluster, "default", ways.DEMO, 3)
    nodes = demo.become_whole(cluster, new.values(), deadline_seconds=SLOW_SECONDS)
    assert {each.node for each in nodes} == {f"demo@{pod}" for pod in new}
    seen = reader.follow(page, "5. Look")
    assert len(set(re.findall(r'"demo@([^"]+)"', seen)) & new.keys()) == 2
    take_away(cluster, reader)


def check_stub_zone(cluster: Cluster, reader: Reader, space: str) -> None:
    """Check the names of pods by the cluster's DNS, and that all others are as before."""
    write_deployment(cluster, reader, space, "stub-zone.md")
    reader.follow("stub-zone.md", "Use it")
    pods = meet(cluster, space)
    (mine, place), _ = pods.items()
    dashed = place.replace(".", "-")
    assert cluster.resolve(mine, f"{dashed}.{space}.pod.{ZONE}", namespace=space) == [place]
    assert cluster.dig(mine, "-x", place, namespace=space) == [f"{mine}.{space}.pod.{ZONE}."]
    assert cluster.resolve(mine, API, namespace=space) == ["10.43.0.1"]
    assert cluster.resolve(mine, OUTSIDE, namespace=space) == ["192.0.2.80"]
    assert status(cluster, space, mine, f"nobody.{space}.pod.{ZONE}") == "NXDOMAIN"
    for resource in (*RESOURCES, "namespaces"):
        assert ways.may(cluster, "podname", "podname", "list", resource, "*")
        assert not ways.may(cluster, "podname", "podname", "delete", resource, "*")


def test_the_stub_zone_in_kubeadms_corefile(cluster: Cluster, reader: Reader, space: str) -> None:
    here = "Tell CoreDNS: kubeadm, kind, minikube, EKS"
    reader.follow("stub-zone.md", "Install it", "Names by address", here)
    check_stub_zone(cluster, reader, space)
    reader.follow("stub-zone.md", "Back to the Corefile before")
    coredns.restart(cluster)
    asking = asker(cluster, space)
    assert status(cluster, space, asking, f"{asking}.{space}.pod.{ZONE}") == "NXDOMAIN"
    reader.follow("stub-zone.md", "Take it away")


@pytest.mark.usefixtures("custom")
def test_the_stub_zone_among_custom_files(cluster: Cluster, reader: Reader, space: str) -> None:
    here = "Tell CoreDNS: k3s, AKS"
    reader.follow("stub-zone.md", "Install it", "Names by address", here)
    check_stub_zone(cluster, reader, space)
    asking = asker(cluster, space)
    assert cluster.resolve(asking, "a.theirs.example", namespace=space) == ["192.0.2.9"]
    reader.follow("stub-zone.md", "Take the key out again")
    coredns.restart(cluster)
    assert status(cluster, space, asking, f"{asking}.{space}.pod.{ZONE}") == "NXDOMAIN"
    assert cluster.resolve(asking, "a.theirs.example", namespace=space) == ["192.0.2.9"]
    reader.follow("stub-zone.md", "Take it away")


def test_publish(cluster: Cluster, reader: Reader, space: str) -> None:
    write_deployment(cluster, reader, space, "publish.md")
    reader.follow("publish.md", "Install it", "Use it")
    meet(cluster, space, f".{ways.DEMO}-nodes.{space}.svc.{ZONE}")
    for verb in ("patch", "delete"):
        assert ways.may(cluster, "podname-publish", "podname", verb, "endpointslices", "*")
        assert not ways.may(cluster, "podname-publish", "podname", verb, "services", "*")
    reader.follow("publish.md", "Take it away")


def wait_for_the_end(cluster: Cluster, deployment: str) -> None:
    """Wait until a Deployment of the cluster's DNS has no pods, nor any that are ending."""

    def pods() -> list[str]:
        found = cluster.api.find("Pod", coredns.HOME, "k8s-app=kube-dns")
        names = [str(each["metadata"]["name"]) for each in found]
        return [name for name in names if name.startswith(f"{deployment}-")]

    until(lambda: not pods(), lambda: f"the end of {pods()}", deadline_seconds=60)


def test_no_query_is_lost_on_the_way_to_podname_and_back(cluster: Cluster, reader: Reader) -> None:
    page = "replacement.md"
    with asked_all_the_while(cluster.namespace, DNS_ADDRESS, API) as asker:
        until(lambda: asker.answers["10.43.0.1"], "the first answer")
        asker.phase = "podname starts"
        reader.follow(page, "When to choose it", "Put podname beside CoreDNS")
        asker.phase = "CoreDNS ends"
        reader.follow(page, "Go over")
        wait_for_the_end(cluster, "coredns")
        asker.phase = "podname alone"
        before = asker.answers.total()
        until(lambda: asker.answers.total() > before + 100, "answers of podname alone")
        asker.phase = "CoreDNS starts, podname ends"
        reader.follow(page, "Go back")
        wait_for_the_end(cluster, "podname")
        asker.phase = "CoreDNS alone"
        before = asker.answers.total()
        until(lambda: asker.answers.total() > before + 100, "answers of CoreDNS alone")
    assert not asker.odd
    assert set(asker.answers) == {"10.43.0.1"}


def test_the_replacement_with_the_names_of_pods(
    cluster: Cluster, reader: Reader, space: str
) -> None:
    write_deployment(cluster, reader, space, "replacement.md")
    reader.follow("replacement.md", "With the names of pods", "Go over")
    wait_for_the_end(cluster, "coredns")
    reader.follow("replacement.md", "Use it")
    pods = meet(cluster, space)
    (mine, place), _ = pods.items()
    assert cluster.resolve(mine, OUTSIDE, namespace=space) == ["192.0.2.80"]
    assert cluster.dig(mine, "-x", place, namespace=space) == [f"{mine}.{space}.pod.{ZONE}."]
    for resource in (*RESOURCES, "namespaces"):
        assert ways.may(cluster, "podname", coredns.HOME, "watch", resource, "*")
        assert not ways.may(cluster, "podname", coredns.HOME, "delete", resource, "*")
    reader.follow("replacement.md", "Go back")
