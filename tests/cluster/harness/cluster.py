"""The cluster: everything joined, as one context manager."""

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.cluster.harness import ClusterError, access, images, workloads
from tests.cluster.harness.access import Rule
from tests.cluster.harness.api import Api, Object
from tests.cluster.harness.bulk import Bulk
from tests.cluster.harness.controlplane import ControlPlane
from tests.cluster.harness.namespace import HOST, Namespace
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
        command = [*self.administrator(), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def administrator(self) -> list[str]:
        """Return the words that start kubectl as administrator, to be put before its own."""
        kubectl = [str(self._programs["kubectl"]), "--kubeconfig"]
        into = self.namespace.into(network_only=True)
        return [*into, *kubectl, str(self.control_plane.kubeconfig)]

    def exec(self, pod: str, *command: str, namespace: str = "default") -> str:
        """Run a command in a pod and return what it prints."""
        return self.kubectl("exec", "--namespace", namespace, pod, "--", *command)

    def resolve(self, pod: str, name: str, *, namespace: str = "default") -> list[str]:
        """Resolve a name in a pod as any program there would, with the C library; sorted."""
        with contextlib.suppress(ClusterError):  # no such name
            lines = self.exec(pod, "getent", "ahostsv4", name, namespace=namespace).splitlines()
            return sorted({line.split()[0] for line in lines})
        return []

    def take_out(self, slice_: Object) -> None:
        """Delete the slice of one server that runs beside the pods, and wait until kube-proxy asks it no more."""
        self.api.delete("EndpointSlice", slice_["metadata"]["name"], "kube-system")
        place = f"{HOST}:{slice_['ports'][0]['port']}"
        until(lambda: place not in self.service_rules(), "kube-proxy to take it out")

    def service_rules(self) -> str:
        """Return what kube-proxy has made of the Services."""
        command = [*self.namespace.into(), "iptables-save", "-t", "nat"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def dig(self, pod: str, *arguments: str, namespace: str = "default") -> list[str]:
        """Ask with `dig +short` in a pod, of the server in its resolv.conf; sorted."""
        return sorted(self.exec(pod, "dig", "+short", *arguments, namespace=namespace).split())

    def dig_at(self, server: DnsServer, *arguments: str) -> str:
        """Ask a server with `dig` from outside the pods and return all that dig prints."""
        place = [f"@{server.address}", "-p", str(server.port)]
        command = [*self.namespace.into(network_only=True), "dig", *place, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

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

    def kubeconfig(self, rules: Sequence[Rule], *, only_in: str = "") -> Path:
        """Make a service account with just these permissions and return a kubeconfig of it."""
        token = self.token(rules, only_in=only_in)
        path = self.folder / f"account-{next(self._numbers)}.kubeconfig"
        return self.control_plane.write_kubeconfig(path, token)

    def in_cluster(self, rules: Sequence[Rule], *, only_in: str = "") -> Mapping[str, str]:
        """Make a service account, put its files where pods find them; return the environment.

        A program started with it takes itself for one in a pod of that account. The Service
        address of the API server needs a node. There is one such place: the last account has it.
        """
        token = self.token(rules, only_in=only_in)
        access.write_in_cluster_files(self.namespace.root, token, self.control_plane.authority)
        return {"KUBERNETES_SERVICE_HOST": "10.43.0.1", "KUBERNETES_SERVICE_PORT": "443"}

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

    def start_server(
        self,
        program: str,
        corefile: str,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> DnsServer:
        """Start `coredns` or `podname` with a Corefile and wait until it is ready.

        `{$KUBECONFIG}` in the Corefile is the file given, or the administrator's.
        """
        commands: dict[str, list[str | Path]] = {
            "coredns": [self._programs["coredns"]],
            "podname": [PODNAME, "serve"],
        }
        log = self.folder / f"{program}-{next(self._numbers)}.log"
        variables = {
            "KUBECONFIG": str(kubeconfig or self.control_plane.kubeconfig),
            **(environment or {}),
        }
        with contextlib.ExitStack() as undo:
            server = DnsServer(self.namespace, commands[program], corefile, log, variables)
            undo.callback(server.stop)
            server.wait_ready()
            undo.pop_all()
        return server

    def use_dns(self, *servers: DnsServer, address: str = DNS_ADDRESS) -> None:
        """Make servers that run beside the pods a Service, and wait until it replies.

        Without an address it is the DNS of every pod that does not say otherwise. Several servers
        are its replicas; the slice of each is named after the Service and the place in the list.
        Replicas of an earlier call that are not among these are taken out.
        """
        name = "kube-dns" if address == DNS_ADDRESS else f"dns-{address.rpartition('.')[2]}"
        places = {f"{name}-{number}": server.port for number, server in enumerate(servers)}
        for item in workloads.dns_service(name, address, places):
            self.api.apply(item)
        selector = f"kubernetes.io/service-name={name}"
        for item in self.api.find("EndpointSlice", "kube-system", selector):
            if item["metadata"]["name"] not in places:
                self.take_out(item)
        until(lambda: servers[0].replies(address, 53), f"a reply from {address}")
