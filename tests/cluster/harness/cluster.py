"""The cluster: everything joined, as one context manager."""

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from tests.cluster.harness import ClusterError, access, images, workloads
from tests.cluster.harness.access import Rule
from tests.cluster.harness.api import Api, Object
from tests.cluster.harness.bulk import Bulk
from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.namespace import Namespace
from tests.cluster.harness.node import DNS_ADDRESS, Node
from tests.cluster.harness.programs import prepare
from tests.cluster.harness.servers import DnsServer
from tests.cluster.harness.waiting import until
from tests.cluster.harness.workspace import workspace

PODNAME = Path(sys.executable).with_name("podname")


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


class Cluster:
    """A Kubernetes cluster for as long as the `with` block runs.

    Without a node it is the control plane alone, whose pods are only objects; with one, pods run.
    `controllers=False` leaves out the controllers too: then nothing is in it but what a test puts.
    """

    folder: Path
    namespace: Namespace
    control_plane: ControlPlane
    node: Node
    api: Api

    def __init__(
        self,
        *,
        with_node: bool = False,
        controllers: bool = True,
        progress: Callable[[str], None] = say,
    ) -> None:
        self._with_node = with_node
        self._controllers = controllers
        self._progress = progress
        self._numbers = itertools.count(1)
        self._ending = contextlib.ExitStack()

    def __enter__(self) -> "Cluster":
        with contextlib.ExitStack() as undo:
            self._start(undo)
            self._ending = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.close()
        self._progress("gone")

    def _start(self, undo: contextlib.ExitStack) -> None:
        self._progress("looking for what it needs, and building what is not built yet")
        programs = prepare()
        started = time.monotonic()
        self.folder = undo.enter_context(workspace())
        self.namespace = Namespace(images.pause_program())
        undo.callback(self.namespace.close)
        self._programs = programs
        self.control_plane = ControlPlane(self.namespace, programs, self.folder)
        self._progress(f"starting the control plane (logs in {self.folder})")
        self.control_plane.start(controllers=self._controllers, machines=self._with_node)
        self.api = self.control_plane.api
        undo.callback(self.api.close)
        if self._with_node:
            self._progress("starting a node")
            self.node = Node(self.control_plane, programs, self.folder)
            self.node.start()
        self._progress(f"ready after {time.monotonic() - started:.1f} s")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as administrator and return what it prints."""
        command = [*self.namespace.into(network_only=True), str(self._programs["kubectl"])]
        command += ["--kubeconfig", str(self.control_plane.kubeconfig), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def exec(self, pod: str, *command: str, namespace: str = "default") -> str:
        """Run a command in a pod and return what it prints."""
        return self.kubectl("exec", "--namespace", namespace, pod, "--", *command)

    def dig(self, pod: str, *arguments: str, namespace: str = "default") -> list[str]:
        """Ask with `dig +short` in a pod, of the server in its resolv.conf; sorted."""
        return sorted(self.exec(pod, "dig", "+short", *arguments, namespace=namespace).split())

    def running_pods(self, namespace: str, app: str, count: int) -> dict[str, str]:
        """Wait until just so many pods of an app have an address and run; name to address."""
        selector = f"app={app}" if app else ""

        def pods() -> dict[str, str]:
            found = self.api.find("Pod", namespace, selector)
            running = [pod for pod in found if pod["status"].get("phase") == "Running"]
            if len(running) != len(found):
                return {}
            return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in running}

        until(lambda: len(pods()) == count, f"{count} running pods of {app}", deadline_seconds=60)
        return pods()

    def service_account(self, rules: Sequence[Rule], *, only_in: str = "") -> Path:
        """Make a service account with just these permissions and return its kubeconfig file."""
        token = self.token(rules, only_in=only_in)
        path = self.folder / f"account-{next(self._numbers)}.kubeconfig"
        return self.control_plane.write_kubeconfig(path, token)

    def account_api(self, rules: Sequence[Rule], *, only_in: str = "") -> Api:
        """Make a service account with just these permissions and return a client that uses it."""
        token = self.token(rules, only_in=only_in)
        api = Api(self.namespace, self.control_plane.authority, token)
        self._ending.callback(api.close)
        return api

    def token(self, rules: Sequence[Rule], *, only_in: str = "") -> str:
        """Make a service account with just these permissions and return a token of it."""
        name = f"account-{next(self._numbers)}"
        access.create_account(self.api, name, rules, only_in=only_in)
        return access.create_token(self.api, name)

    def place(self, *pods: Object) -> None:
        """Create pods that are already somewhere: their given status is set as a kubelet would.

        Where no kubelet runs; the Node that they are on is made with the first.
        """
        if not self.api.find("Node"):
            self.api.create(workloads.node())
        for pod in pods:
            metadata = pod["metadata"]
            self.api.create(pod)
            change = {"status": pod["status"]}
            self.api.patch("Pod", metadata["name"], change, metadata["namespace"], part="status")

    def bulk(self) -> Bulk:
        """Open the way to put thousands of objects at once."""
        return Bulk(self.namespace)

    def coredns(self, corefile: str, kubeconfig: Path | None = None) -> DnsServer:
        """Start CoreDNS with a Corefile and wait until it is ready."""
        return self._server("coredns", [self._programs["coredns"]], corefile, kubeconfig)

    def podname(self, corefile: str, kubeconfig: Path | None = None) -> DnsServer:
        """Start podname with a Corefile and wait until it is ready."""
        return self._server("podname", [PODNAME, "serve"], corefile, kubeconfig)

    def use_dns(self, server: DnsServer) -> None:
        """Make a server that runs beside the pods the DNS of every pod."""
        name, place = "kube-dns", {"namespace": "kube-system"}
        with contextlib.suppress(ClusterError):
            self.api.delete("Service", name, "kube-system")
        with contextlib.suppress(ClusterError):
            self.api.delete("EndpointSlice", name, "kube-system")
        kinds = ("UDP", "TCP")
        ports = [{"name": kind.lower(), "protocol": kind, "port": 53} for kind in kinds]
        service: Object = {"kind": "Service", "metadata": {"name": name, **place}}
        self.api.create({**service, "spec": {"clusterIP": DNS_ADDRESS, "ports": ports}})
        self.api.create(
            {
                "kind": "EndpointSlice",
                "apiVersion": "discovery.k8s.io/v1",
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}, **place},
                "addressType": "IPv4",
                "ports": [{**port, "port": server.port} for port in ports],
                "endpoints": [{"addresses": [server.address]}],
            }
        )

    def _server(
        self, kind: str, command: list[str | Path], corefile: str, kubeconfig: Path | None
    ) -> DnsServer:
        log = self.folder / f"{kind}-{next(self._numbers)}.log"
        environment = {"KUBECONFIG": str(kubeconfig or self.control_plane.kubeconfig)}
        return DnsServer(self.namespace, command, corefile, log, environment).wait_ready()
