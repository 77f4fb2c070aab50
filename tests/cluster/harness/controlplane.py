"""etcd, the API server and the controllers: a cluster without machines, ready in four seconds.

Enough for most tests: a pod made through the API, bound to a Node that is only an object and given
an address through its status, becomes an endpoint by the real EndpointSlice controller.

The API server can be killed and started again with the same data, certificate and keys.

Sources: the flags are those of Kubernetes 1.37 and etcd 3.7; each that is not obvious says why.
"""

import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.cluster.harness.api import PORT, Api, ApiError
from tests.cluster.harness.namespace import HOST, SERVICE_NETWORK, Namespace
from tests.cluster.harness.processes import Program
from tests.cluster.harness.programs import Programs
from tests.cluster.harness.waiting import until

URL = f"https://{HOST}:{PORT}"
ETCD_PORT = 2379
MACHINE_CONTROLLERS = ("node-lifecycle-controller", "taint-eviction-controller")
"""They would mark Nodes without a kubelet unreachable and evict their pods."""


class ControlPlane:
    """The three programs; `start` returns when the API answers."""

    def __init__(self, namespace: Namespace, programs: Programs, folder: Path) -> None:
        self.namespace = namespace
        self._programs = programs
        self._folder = folder
        self.token = secrets.token_hex(16)
        self.authority = folder / "certificates" / "apiserver.crt"
        self._service_account_key = folder / "service-accounts.key"
        self._tokens = folder / "tokens.csv"
        self.kubeconfig = folder / "admin.kubeconfig"
        self.etcd: Program
        self.server: Program
        self.controllers: Program | None = None
        self.api: Api

    def start(self, *, controllers: bool = True, machines: bool = False) -> None:
        """Start everything; `machines` says that Nodes are real and to be looked after."""
        self._service_account_key.write_bytes(_private_key())
        self._tokens.write_text(f'{self.token},admin,admin,"system:masters"\n')
        self._start_etcd()
        self.start_server(service_accounts=controllers)
        self.write_kubeconfig(self.kubeconfig, self.token)
        if controllers:
            self._start_controllers(machines=machines)
            until(self._has_default_account, "the default service account")

    def start_server(self, *, service_accounts: bool = True) -> None:
        """Start the API server, for the first time or again, and wait until it is ready."""
        log = self._folder / "kube-apiserver.log"
        arguments = self._server_arguments()
        if not service_accounts:  # without controllers nobody makes the default ones
            arguments.append("--disable-admission-plugins=ServiceAccount")
        self.server = Program(self.namespace, arguments, log)
        # The certificate that the client trusts is there once the port answers.
        self.server.wait_until(lambda: self.authority.exists() and self._answers())

    def kill_server(self) -> None:
        """End the API server as a crash would; etcd keeps the data."""
        self.server.kill()

    def write_kubeconfig(self, path: Path, token: str) -> Path:
        """Write a kubeconfig file with a token."""
        cluster = {"server": URL, "certificate-authority": str(self.authority)}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config, indent=2))
        return path

    def _start_etcd(self) -> None:
        clients, peers = f"http://127.0.0.1:{ETCD_PORT}", "http://127.0.0.1:2380"
        arguments: list[str | Path] = [
            self._programs["etcd"],
            f"--data-dir={self._folder / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",  # the data of a test need not survive the machine
            "--quota-backend-bytes=8589934592",  # for 100,000 pods and their history
            "--max-txn-ops=1000",  # see `bulk`
            "--max-request-bytes=33554432",
            "--log-level=warn",
        ]
        self.etcd = Program(self.namespace, arguments, self._folder / "etcd.log")
        self.etcd.wait_until(self._etcd_listens)

    def _server_arguments(self) -> list[str | Path]:
        key = self._service_account_key
        return [
            self._programs["kube-apiserver"],
            f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}",
            f"--secure-port={PORT}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={HOST}",  # loopback is refused
            f"--cert-dir={self.authority.parent}",  # it makes its own, valid for 10.43.0.1
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._tokens}",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",  # for exec and logs
        ]

    def _start_controllers(self, *, machines: bool) -> None:
        left_out = () if machines else MACHINE_CONTROLLERS
        arguments: list[str | Path] = [
            self._programs["kube-controller-manager"],
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self._service_account_key}",
            f"--root-ca-file={self.authority}",  # so that a pod's client trusts the server
            "--use-service-account-credentials",
            "--leader-elect=false",
            f"--controllers={','.join(['*', *(f'-{name}' for name in left_out)])}",
        ]
        log = self._folder / "kube-controller-manager.log"
        self.controllers = Program(self.namespace, arguments, log)

    def _etcd_listens(self) -> bool:
        self.namespace.connect("127.0.0.1", ETCD_PORT, timeout_seconds=5).close()
        return True

    def _answers(self) -> bool:
        if not hasattr(self, "api"):
            self.api = Api(self.namespace, self.authority, self.token)
        try:
            return self.api.request("GET", "readyz").get("text") == "ok"
        except ApiError:  # it says which of its parts is not ready yet
            return False

    def _has_default_account(self) -> bool:
        accounts = self.api.find("ServiceAccount")
        return any(account["metadata"]["name"] == "default" for account in accounts)


def _private_key() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
