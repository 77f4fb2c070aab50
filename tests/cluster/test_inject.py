"""What `podname inject` writes clusters a stock release, in each of the four ways.

The Deployment is that of the application `demo`, as a person would write it; all that it needs beyond that comes from
the command, the ConfigMaps, the Service and the certificate included. Where podname is not the cluster's DNS, CoreDNS
is.

Sources: docs/attach.md tells the same to people.
"""

import subprocess
from pathlib import Path

import pytest
import yaml
from tests.cluster.harness import demo, release, resolvers
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import PODNAME, Cluster
from tests.cluster.harness.resolvers import FIRST, ZONE
from tests.cluster.harness.servers import DnsServer

PODNAME_ONLY = pytest.mark.parametrize("server", ["podname"], indirect=True)
COREDNS_ONLY = pytest.mark.parametrize("server", ["coredns"], indirect=True)
pytestmark = pytest.mark.usefixtures("released", "server")
DEMO = "cluster-demo"
SERVICE = f"{DEMO}-nodes"
EPMD = Path(__file__).parents[2] / "clients/erlang"


def start(cluster: Cluster, space: str, srv: str, *options: str) -> dict[str, str]:
    """Inject into the Deployment, create everything, and wait for the nodes."""
    item = demo.deployment(DEMO, 2, namespace=space, environment=demo.polls(srv=srv))
    command = [str(PODNAME), "inject", "--node", "demo", *options]
    ran = subprocess.run(
        command, input=yaml.safe_dump(item), capture_output=True, text=True, check=True
    )
    again = subprocess.run(command, input=ran.stdout, capture_output=True, text=True, check=True)
    assert again.stdout == ran.stdout
    deployment: Object
    deployment, *companions = yaml.safe_load_all(ran.stdout)
    for companion in companions:
        cluster.api.create(companion)
    return demo.start(cluster, deployment)


def check(cluster: Cluster, space: str, pods: dict[str, str], domain: str = "") -> None:
    """Wait for the nodes to see one another, called by their pods; look in from one to the other."""
    names = {pod: f"demo@{pod}{domain}" for pod in pods}
    nodes = demo.become_whole(cluster, pods.values())
    assert {each.node for each in nodes} == {*names.values()}
    first, second = pods
    for node in (names[first], names[second]):  # its own, whose port is taken, and another
        remote = ["env", f"RELEASE_NODE={node}", release.PROGRAM, "rpc", "IO.puts(node())"]
        assert demo.run(cluster, first, *remote, namespace=space).strip() == node


@PODNAME_ONLY
@pytest.mark.parametrize("options", [[], ["--tls"]], ids=["plain", "tls"])
def test_search(cluster: Cluster, space: str, options: list[str]) -> None:
    srv = f"_short.{DEMO}.deploy.{space}.pod.{ZONE}"
    pods = start(cluster, space, srv, "--via", "search", "--port", "4370", *options)
    check(cluster, space, pods)


@PODNAME_ONLY
def test_dns_over_tcp(cluster: Cluster, space: str) -> None:
    srv = f"_short.{DEMO}.deploy.{space}.pod.{ZONE}"
    pods = start(cluster, space, srv, "--via", "search", "--port", "4370", "--dns-over-tcp")
    check(cluster, space, pods)
    program = "IO.inspect({:inet_db.res_option(:usevc), :inet_db.res_option(:lookup)})"
    said = demo.run(cluster, next(iter(pods)), release.PROGRAM, "rpc", program, namespace=space)
    assert said.strip() == "{true, [:native]}"


@COREDNS_ONLY
def test_inetrc(cluster: Cluster, server: DnsServer, space: str) -> None:
    with resolvers.podname(cluster) as podname:
        cluster.use_dns(podname, address=FIRST)
        srv = f"{DEMO}.deploy.{space}.pod.{ZONE}"
        options = ["--via", "inetrc", "--nameserver", FIRST, "--port", "4370", "--tls"]
        pods = start(cluster, space, srv, *options)
        check(cluster, space, pods, f".{space}.pod.{ZONE}")
        assert server.rcode(f"{next(iter(pods))}.{space}.pod.{ZONE}") == "NXDOMAIN"


@COREDNS_ONLY
def test_epmd(cluster: Cluster, space: str, tmp_path: Path) -> None:
    beams = tmp_path / "ebin"
    beams.mkdir()
    sources = [str(path) for path in sorted((EPMD / "src").glob("*.erl"))]
    first = str(EPMD / "src/podname_epmd.erl")
    for files in ([first], sources):
        subprocess.run(["erlc", "-pa", beams, "-o", beams, *files], check=True)
    with resolvers.podname(cluster) as podname:
        cluster.use_dns(podname, address=FIRST)
        options = ["--via", "epmd", "--nameserver", FIRST, "--beams", str(beams), "--port", "4371"]
        pods = start(cluster, space, f"nowhere.{ZONE}", *options)
        one, other = pods
        connect = f'true = Node.connect(:"demo@{other}.{space}.pod.{ZONE}")'
        demo.run(cluster, one, release.PROGRAM, "rpc", connect, namespace=space)
        check(cluster, space, pods, f".{space}.pod.{ZONE}")


@COREDNS_ONLY
def test_subdomain(cluster: Cluster, space: str) -> None:
    srv = f"{SERVICE}.{space}.svc.{ZONE}"
    pods = start(cluster, space, srv, "--via", "subdomain", "--port", "4370", "--tls")
    check(cluster, space, pods, f".{SERVICE}.{space}.svc.{ZONE}")
