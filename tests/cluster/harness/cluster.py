"""The cluster: everything joined, as one context manager."""

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from tests.cluster.harness import ClusterError, access, images
from tests.cluster.harness.access import Rule
from tests.cluster.harness.api import Api, Object
from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.namespace import Namespace
from tests.cluster.harness.node import DNS_ADDRESS, Node
from tests.cluster.harness.programs import prepare
from tests.cluster.harness.servers import DnsServer
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

    def service_account(self, rules: Sequence[Rule], *, only_in: str = "") -> Path:
        """Make a service account with just these permissions and return its kubeconfig file."""
        name = f"account-{next(self._numbers)}"
        access.create_account(self.api, name, rules, only_in=only_in)
        token = access.create_token(self.api, name)
        return self.control_plane.write_kubeconfig(self.folder / f"{name}.kubeconfig", token)

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
