"""DNS servers beside the pods: CoreDNS and podname, started with the same Corefile.

A Corefile finds what it needs in its environment: `{$ADDRESS}` and `{$PORT}` to listen on,
`{$READY}` for the `ready` plugin and `{$KUBECONFIG}` for the way to the API server.
"""

import http.client
from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
from tests.cluster.harness.namespace import HOST, Namespace
from tests.cluster.harness.processes import Program

QUERY_SECONDS = 5.0


class DnsServer:
    """A DNS server that runs inside, until `stop` or the end of a `with` block."""

    def __init__(
        self,
        namespace: Namespace,
        command: list[str | Path],
        corefile: str,
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.namespace = namespace
        self.address, self.port = HOST, namespace.free_port()
        self._ready_port = namespace.free_port()
        self.corefile = log.with_suffix(".Corefile")
        self.corefile.write_text(corefile)
        self.variables = {
            "ADDRESS": self.address,
            "PORT": str(self.port),
            "READY": f"{self.address}:{self._ready_port}",
            **environment,
        }
        arguments = [*command, "-conf", self.corefile, "-dns.port", str(self.port)]
        self.program = Program(namespace, arguments, log, self.variables)

    def __enter__(self) -> "DnsServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        print(self.program.tail())  # pytest shows it with a test that failed

    def wait_ready(self, *, deadline_seconds: float = 60) -> "DnsServer":
        """Wait until it says that it is ready, and replies."""
        self.program.wait_until(
            lambda: self.ready() and self.replies(self.address, self.port),
            deadline_seconds=deadline_seconds,
        )
        return self

    def ready(self) -> bool:
        """Ask the `ready` plugin."""
        try:
            return self._get(self._ready_port, "/ready")[0] == 200
        except http.client.HTTPException:
            return False

    def metrics(self, port: int) -> str:
        """Return what the `prometheus` plugin shows at a port."""
        return self._get(port, "/metrics")[1].decode()

    def _get(self, port: int, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.address, port, timeout=5)
        try:
            connection.sock = self.namespace.connect(self.address, port, timeout_seconds=5)
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def query(self, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
        """Ask it a question as a stub resolver would."""
        question = dns.message.make_query(name, kind)
        return self.exchange(question, tcp=tcp)

    def exchange(self, question: dns.message.Message, *, tcp: bool = False) -> dns.message.Message:
        """Send it any message and wait for the reply."""
        if tcp:
            with self.namespace.connect(self.address, self.port) as stream:
                return dns.query.tcp(question, self.address, QUERY_SECONDS, self.port, sock=stream)
        return self._over_udp(question, self.address, self.port, QUERY_SECONDS)

    def replies(self, address: str, port: int) -> bool:
        """Whether anything comes back from an address; CoreDNS is ready before its sockets are."""
        try:
            return bool(self._over_udp(dns.message.make_query(".", "NS"), address, port, 0.2))
        except dns.exception.Timeout:
            return False

    def _over_udp(
        self, question: dns.message.Message, address: str, port: int, seconds: float
    ) -> dns.message.Message:
        with self.namespace.open_socket() as datagrams:
            datagrams.setblocking(False)
            return dns.query.udp(question, address, seconds, port, sock=datagrams)

    def short(self, name: str, kind: str = "A") -> list[str]:
        """Return what `dig +short` prints, sorted."""
        answers = self.query(name, kind).answer
        return sorted(rdata.to_text() for rrset in answers for rdata in rrset)

    def rcode(self, name: str, kind: str = "A") -> str:
        """Return the response code for a question, such as NOERROR."""
        return dns.rcode.to_text(self.query(name, kind).rcode())

    def stop(self) -> int:
        """End it and return its exit code."""
        return self.program.stop()
