"""`podname doctor` finds what keeps real Erlang nodes in real pods from each other.

Each test brings two pods into one state and lets the doctor look from one at the other. Where it can be seen, a real
node confirms that the state is what the doctor says: it gets `pang`, or `pong` after the fix.
"""

import base64
import shlex
from dataclasses import dataclass

import pytest
import trustme
from tests.cluster.harness import access, doctor, epmd_module, erlang, workloads
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until

ZONE = "cluster.local"
WEB = "web"
pytestmark = pytest.mark.parametrize("server", ["podname"], indirect=True)


@dataclass
class Pair:
    """Two pods in a namespace of their own: the doctor sits in `here`, and the node is to be in `there`."""

    cluster: Cluster
    server: DnsServer
    space: str

    def pod(self, name: str, **spec: object) -> str:
        """Run a pod; return its address."""
        self.cluster.api.create(workloads.pod(name, namespace=self.space, app=WEB, **spec))
        return self.address(name)

    def address(self, name: str) -> str:
        """Wait until a pod runs."""

        def running() -> str:
            status = self.cluster.api.get("Pod", name, self.space)["status"]
            return str(status.get("podIP", "")) if status["phase"] == "Running" else ""

        return until(running, f"pod {name}", deadline_seconds=60)

    def answers(self, host: str) -> str:
        """Wait until the server answers a name."""
        until(lambda: self.server.short(host), f"an answer for {host}")
        return host

    def host(self, pod: str) -> str:
        """Return the name that podname has for every pod."""
        return self.answers(f"{pod}.{self.space}.pod.{ZONE}")

    def start(self, pod: str, node: str) -> None:
        """Start a node in a pod."""
        erlang.start_node(self.cluster, pod, node, namespace=self.space)

    def ping(self, node: str, own: str) -> str:
        """Let a real node in `here` try it."""
        return erlang.ping(self.cluster, "here", own, node, namespace=self.space)

    def ask(
        self, node: str, *arguments: str, pod: str = "here", **environment: str
    ) -> doctor.Report:
        """Let the doctor look from a pod, with the cookie that the nodes have."""
        variables = {"RELEASE_COOKIE": erlang.COOKIE, **environment}
        words = [word for word in (node, *arguments) if word]
        return doctor.in_pod(self.cluster, pod, *words, namespace=self.space, environment=variables)

    def write(self, pod: str, path: str, content: str) -> None:
        """Write a file in a pod."""
        octets = base64.b64encode(content.encode()).decode()
        script = f"echo {octets} | base64 -d > {shlex.quote(path)}"
        self.cluster.exec(pod, "sh", "-c", script, namespace=self.space)


@pytest.fixture
def pair(cluster: Cluster, server: DnsServer, space: str) -> Pair:
    doctor.allow(cluster, space)
    return Pair(cluster, server, space)


def two(pair: Pair, **spec: object) -> tuple[str, str]:
    """Run both pods, a node in `there`; return the node and what one in `here` is called."""
    pair.pod("here")
    pair.pod("there", **spec)
    node, own = (f"{head}@{pair.host(pod)}" for head, pod in (("app", "there"), ("b", "here")))
    pair.start("there", node)
    return node, own


def test_nothing_fails_where_nodes_connect(pair: Pair) -> None:
    node, own = two(pair)
    report = pair.ask(node, "--from", own)
    assert pair.ping(node, own) == "pong"
    assert report.failing == set()
    assert report.exit_code == 0
    assert report.document["where"] == "pod"
    unknown = [n for n, each in report.findings.items() if each["outcome"] == "unknown"]
    assert unknown == []
    assert report.seen("right-pod") == f"{pair.address('there')} is pod {pair.space}/there"
    assert erlang.COOKIE not in report.text


def test_the_node_that_runs_here_says_its_name_itself(pair: Pair) -> None:
    """No variable tells it, as in an ephemeral container; without a node it is that one which is looked at."""
    node, own = two(pair)
    pair.start("here", own)
    report = pair.ask(node)
    assert report.document["from"] == own
    assert "it runs here" in report.seen("own-name")
    assert report.failing == set()
    report = pair.ask("")
    assert report.document["node"] == report.document["from"] == own
    assert report.seen("handshake") == f"{own} answers"
    assert report.failing == set()


def test_another_cookie(pair: Pair) -> None:
    node, own = two(pair)
    report = pair.ask(node, "--from", own, RELEASE_COOKIE="wrong-cookie")
    assert report.failing == {"cookie"}
    assert report.exit_code == 1
    assert "refused" in report.seen("cookie")
    assert "wrong-cookie" not in report.text


def test_a_short_name_that_does_not_resolve(pair: Pair) -> None:
    """Then with the search domain that the doctor names."""
    pair.pod("here")
    pair.pod("there")
    pair.start("there", "app")
    report = pair.ask("app@there", RELEASE_DISTRIBUTION="sname")
    assert pair.ping("app@there", "b") == "pang"
    assert report.failing == {"resolves-here"}
    domain = f"{pair.space}.pod.{ZONE}"
    assert domain in report.fix("resolves-here")
    pair.pod("fixed", dnsConfig={"searches": [domain]})
    report = pair.ask("app@there", pod="fixed", RELEASE_DISTRIBUTION="sname")
    assert report.failing == {"other-side"}  # that pod has no such search domain yet
    assert domain in report.fix("other-side")


def test_a_name_that_leads_to_another_pod(pair: Pair) -> None:
    elsewhere = pair.pod("elsewhere")
    pair.pod("there")
    host = pair.host("there")
    pair.pod("here", hostAliases=[{"ip": elsewhere, "hostnames": [host]}])
    own = f"b@{pair.host('here')}"
    pair.start("there", f"app@{host}")
    pair.start("elsewhere", f"app@{pair.host('elsewhere')}")
    report = pair.ask(f"app@{host}", "--from", own)
    assert pair.ping(f"app@{host}", own) == "pang"
    assert report.failing == {"right-pod", "handshake"}
    assert f"{elsewhere} is {pair.space}/elsewhere" in report.seen("right-pod")
    assert "hostAliases" in report.fix("right-pod")


def test_a_node_with_a_short_name_asked_for_by_its_long_one(pair: Pair) -> None:
    pair.pod("here")
    pair.pod("there")
    pair.start("there", "app")
    node, own = f"app@{pair.host('there')}", f"b@{pair.host('here')}"
    assert pair.ping(node, own) == "pang"
    report = pair.ask(node, "--from", own)
    assert report.failing == {"handshake"}
    assert "calls itself app@there" in report.seen("handshake")
    report = pair.ask(node, RELEASE_DISTRIBUTION="sname", RELEASE_NAME="b")
    assert report.failing == {"name-form", "handshake"}


def test_a_long_name_that_the_pod_cannot_take(pair: Pair) -> None:
    node, _ = two(pair)
    report = pair.ask(node, RELEASE_DISTRIBUTION="name", RELEASE_NAME="b")
    assert report.failing == {"own-name"}
    start = ["erl", "-name", "b", "-noinput", "-eval", "halt()."]
    said = pair.cluster.exec(
        "here", "sh", "-c", f"{shlex.join(start)} 2>&1 || true", namespace=pair.space
    )
    assert "Can't set long node name!" in said
    assert "Can't set long node name!" in report.findings["own-name"]["why"]


UNDONE = "{{nameserver, {{10,42,3,1}}, {port}}}.\n{{lookup, [file, dns]}}.\n"
DONE = '{{resolv_conf, ""}}.\n' + UNDONE


@pytest.mark.parametrize("done", [False, True], ids=["undone", "right"])
def test_an_inetrc(pair: Pair, *, done: bool) -> None:
    """The pod's resolver knows no names: all depends on the inetrc, which the VM undoes in silence."""
    nobody = {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.42.3.1"]}}
    pair.pod("here", **nobody)
    pair.pod("there")
    node, own = f"app@{pair.host('there')}", f"b@{pair.host('here')}"
    pair.start("there", node)
    inetrc = (DONE if done else UNDONE).format(port=pair.server.port)
    pair.write("here", "/tmp/inetrc", inetrc)
    file = pair.cluster.folder / f"{pair.space}.inetrc"
    file.write_text(inetrc)
    program = f"io:format(\"~s\", [net_adm:ping('{node}')]), halt()."
    command = ["env", "ERL_INETRC=/tmp/inetrc", "erl", "-name", own, "-setcookie", erlang.COOKIE]
    command += ["-noinput", "-eval", program]
    pinged = pair.cluster.exec("here", *command, namespace=pair.space).strip()
    report = pair.ask(node, "--from", own, ERL_INETRC=str(file))
    assert pinged == ("pong" if done else "pang")
    assert report.failing == (set() if done else {"resolves-here", "inetrc", "resolv-conf"})
    if not done:
        assert f"{file}:1:1: " in report.seen("inetrc")
        assert '{resolv_conf, ""}' in report.seen("inetrc")


def test_a_subdomain_without_its_service(pair: Pair) -> None:
    """A node takes the long name that the kubelet gives it, and nobody resolves it until there is a Service."""
    pair.pod("here", hostname="here", subdomain=WEB)
    pair.pod("there", hostname="there", subdomain=WEB)
    hosts = {pod: f"{pod}.{WEB}.{pair.space}.svc.{ZONE}" for pod in ("here", "there")}
    node, own = f"app@{hosts['there']}", f"b@{hosts['here']}"
    pair.start("there", node)
    assert pair.ping(node, own) == "pang"
    report = pair.ask(node, RELEASE_DISTRIBUTION="name", RELEASE_NAME="b")
    assert report.document["from"] == own  # by `hostname -f`
    assert report.failing == {"resolves-here", "other-side", "subdomain"}
    assert f"there is no Service {pair.space}/{WEB}" in report.seen("subdomain")
    pair.cluster.api.create(workloads.service(WEB, WEB, namespace=pair.space))
    for host in hosts.values():
        pair.answers(host)
    assert pair.ping(node, own) == "pong"
    assert pair.ask(node, "--from", own).failing == set()


def test_a_service_that_does_not_select_the_pod(pair: Pair) -> None:
    pair.pod("here")
    pair.pod("there", hostname="there", subdomain=WEB)
    pair.cluster.api.create(workloads.service(WEB, "others", namespace=pair.space))
    node = f"app@there.{WEB}.{pair.space}.svc.{ZONE}"
    pair.start("there", node)
    report = pair.ask(node, "--from", f"b@{pair.host('here')}")
    assert report.failing == {"resolves-here", "subdomain"}
    assert "not among the endpoints" in report.seen("subdomain")


def test_a_pod_that_is_not_ready_behind_its_service(pair: Pair) -> None:
    pair.cluster.api.create(workloads.service(WEB, WEB, namespace=pair.space))
    pair.pod("here")
    pair.pod("there", hostname="there", subdomain=WEB, readiness=workloads.NEVER_READY)
    host = f"there.{WEB}.{pair.space}.svc.{ZONE}"
    node, own = f"app@{host}", f"b@{pair.host('here')}"
    pair.start("there", node)
    until(lambda: len(endpoints(pair)) == 2, "both endpoints")
    report = pair.ask(node, "--from", own)
    assert pair.ping(node, own) == "pang"
    assert report.failing == {"resolves-here", "readiness"}
    assert "publishNotReadyAddresses" in report.fix("readiness")
    change = {"spec": {"publishNotReadyAddresses": True}}
    pair.cluster.api.patch("Service", WEB, change, pair.space)
    pair.answers(host)
    assert pair.ping(node, own) == "pong"
    assert pair.ask(node, "--from", own).failing == set()


def endpoints(pair: Pair) -> list[object]:
    slices = pair.cluster.api.find("EndpointSlice", pair.space, f"kubernetes.io/service-name={WEB}")
    return [each for item in slices for each in item.get("endpoints") or ()]


def test_no_epmd_then_no_such_node_then_no_port(pair: Pair) -> None:
    pair.pod("here")
    pair.pod("there")
    node, own = f"app@{pair.host('there')}", f"b@{pair.host('here')}"
    report = pair.ask(node, "--from", own)
    assert report.failing == {"port"}
    assert "4369: refused" in report.seen("port")
    pair.start("there", f"other@{pair.host('there')}")
    report = pair.ask(node, "--from", own)
    assert report.failing == {"port"}
    assert "knows other, not app" in report.seen("port")
    report = pair.ask(node, "--from", own, "--port", "9")
    assert report.failing == {"port"}
    assert ":9: refused" in report.seen("port")


def test_a_label_that_is_too_long(pair: Pair) -> None:
    """The kubelet cuts the hostname of such a pod, and its node is called so."""
    name = f"there-{'x' * 64}"
    pair.pod("here")
    pair.pod(name)
    hostname = pair.cluster.exec(name, "hostname", namespace=pair.space).strip()
    report = pair.ask(f"app@{name}.{pair.space}.pod.{ZONE}", "--from", f"b@{pair.host('here')}")
    assert "labels" in report.failing
    assert "70 characters" in report.seen("labels")
    assert hostname in report.fix("labels")


def start_with_tls(pair: Pair, host: str, *names: str) -> None:
    """Start a node in `there` whose certificate is for `names`."""
    certificate = trustme.CA().issue_cert(*names)
    pair.write("there", "/tmp/key.pem", certificate.private_key_and_cert_chain_pem.bytes().decode())
    options = '[{server, [{certfile, "/tmp/key.pem"}, {keyfile, "/tmp/key.pem"}]}].\n'
    pair.write("there", "/tmp/tls.config", options)
    command = ["erl", "-name", f"app@{host}", "-setcookie", erlang.COOKIE, "-noinput", "-detached"]
    command += ["-proto_dist", "inet_tls", "-ssl_dist_optfile", "/tmp/tls.config"]
    pair.cluster.exec("there", *command, namespace=pair.space)
    until(
        lambda: "name app" in pair.cluster.exec("there", "epmd", "-names", namespace=pair.space),
        "the node",
        interval_seconds=0.2,
    )


@pytest.mark.parametrize(
    ("name", "outcome"), [("other.example", "fails"), ("*.example", "fails"), ("HOST", "holds")]
)
def test_a_certificate(pair: Pair, name: str, outcome: str) -> None:
    pair.pod("here")
    pair.pod("there")
    host, own = pair.host("there"), f"b@{pair.host('here')}"
    start_with_tls(pair, host, name.replace("HOST", host))
    report = pair.ask(f"app@{host}", "--from", own)
    assert report.findings["tls"]["outcome"] == outcome
    assert report.failing == ({"tls"} if outcome == "fails" else set())
    assert "accepted" in report.seen("cookie")  # the handshake went on over TLS


def test_what_is_forbidden(cluster: Cluster, server: DnsServer, space: str) -> None:
    """It only warns about a node that answers, and fails where it leaves open why one does not."""
    pair = Pair(cluster, server, space)
    node, own = two(pair)
    report = pair.ask(node, "--from", own)
    assert report.exit_code == 0
    assert report.findings["rbac"]["outcome"] == "warns"
    assert f"list pods in namespace {space}" in report.seen("rbac")
    report = pair.ask(node.replace("app@", "nobody@"), "--from", own)
    assert report.failing == {"port", "rbac"}
    doctor.allow(cluster, space)
    assert pair.ask(node, "--from", own).findings["rbac"]["outcome"] == "holds"


@pytest.mark.parametrize("source", ["dns", "kubernetes"])
def test_nodes_with_the_epmd_module(pair: Pair, source: str) -> None:
    """No resolver and no epmd help these; the port is a container port that is called like the node."""
    cluster, space = pair.cluster, pair.space
    variables = {
        "PODNAME_SOURCE": source,
        "PODNAME_DNS": f"{pair.server.address}:{pair.server.port}",
    }
    cluster.api.create(epmd_module.config_map(space))
    created = epmd_module.deployment(WEB, 2, namespace=space, environment=variables)
    cluster.api.create(created)
    there, here = sorted(cluster.running_pods(space, WEB, 2))
    for pod in (there, here):
        pair.host(pod)
    node = f"app@{there}"
    epmd_module.start_node(cluster, there, node, namespace=space)
    flags = {"ERL_AFLAGS": "-epmd_module podname_epmd -start_epmd false -sname b", **variables}

    def well() -> list[doctor.Report]:
        told = pair.ask(node, pod=here, **flags)
        return [] if told.failing else [told]

    (report,) = until(well, "a node that is found")
    assert f":{epmd_module.OWN_PORT}, " in report.seen("port")
    assert "accepted" in report.seen("cookie")
    report = pair.ask("app@nowhere", pod=here, **flags)
    assert report.failing == {"resolves-here", "right-pod"}


CACHING = """
.:{$PORT} {
    bind {$ADDRESS}
    ready {$READY}
    errors
    kubernetes cluster.local {
        kubeconfig {$KUBECONFIG}
        ttl 60
    }
    cache 60
}
"""


def test_a_negative_answer_that_a_cache_repeats(pair: Pair) -> None:
    """CoreDNS was asked too early, and says NXDOMAIN for as long as its cache holds that."""
    pair.pod("here")
    pair.cluster.api.create(workloads.service(WEB, WEB, namespace=pair.space))
    host = f"there.{WEB}.{pair.space}.svc.{ZONE}"
    node, own = f"app@{host}", f"b@{pair.host('here')}"
    with pair.cluster.start_server("coredns", CACHING) as caching:
        pair.cluster.use_dns(caching)
        try:
            until(lambda: not in_here(pair, own), "CoreDNS, which has no names of pods")
            assert caching.rcode(host) == "NXDOMAIN"
            pair.pod("there", hostname="there", subdomain=WEB)
            pair.start("there", node)
            pair.answers(host)
            assert caching.rcode(host) == "NXDOMAIN"
            assert pair.ping(node, own) == "pang"
            report = pair.ask(node, "--from", own)
        finally:
            pair.cluster.use_dns(pair.server)
    assert report.failing == {"resolves-here", "negative-cache"}
    assert "past its cache it says" in report.seen("negative-cache")
    until(lambda: in_here(pair, own), "podname, which holds no negative answers")
    assert pair.ping(node, own) == "pong"


def in_here(pair: Pair, node: str) -> list[str]:
    """Resolve a node's host in the pod: the Service address leads to another server after a moment."""
    return pair.cluster.resolve("here", node.partition("@")[2], namespace=pair.space)


def test_from_outside_the_api_server_says_what_a_pod_would_see(pair: Pair) -> None:
    pair.pod("there", hostname="there", subdomain=WEB, readiness=workloads.NEVER_READY)
    node = f"app@there.{WEB}.{pair.space}.svc.{ZONE}"
    kubeconfig = pair.cluster.kubeconfig(doctor.VIEW, only_in=pair.space)

    def ask() -> doctor.Report:
        return doctor.outside(pair.cluster, kubeconfig, node, namespace=pair.space)

    report = ask()
    assert report.document["where"] == "outside"
    assert report.failing == {"subdomain"}
    pair.cluster.api.create(workloads.service(WEB, WEB, namespace=pair.space))
    until(lambda: endpoints(pair), "the endpoint")
    assert ask().failing == {"readiness"}
    nothing = pair.cluster.kubeconfig((access.reads("nodes"),))
    report = doctor.outside(pair.cluster, nothing, node, namespace=pair.space)
    assert report.failing == {"rbac"}
