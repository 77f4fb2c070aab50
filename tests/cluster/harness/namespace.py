"""The namespaces of a cluster: network, mounts and processes, and the ways into them.

The first process in them is `pause --until-eof`, on a pipe of ours. It dies with us, and its death
is the end of the process namespace: the kernel kills every program in it, and with the last one go
the mounts, the interfaces, the rules and the namespaces of the pods. `/run`, `/var/lib` and
`/var/log` are fresh in there, because containerd, CNI and the kubelet write to fixed places.

A test enters with a socket: sockets belong to the network namespace of the thread that creates
them, so one thread of ours lives inside and hands them out.

Sources: namespaces(7), pid_namespaces(7), setns(2).
"""

import ctypes
import itertools
import os
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tests.cluster.harness import ClusterError

Value = TypeVar("Value")

HOST = "10.42.3.1"
"""The bridge's address: the node, the API server and the DNS servers listen on it."""
BRIDGE = "02:00:0a:2a:03:01"
POD_NETWORK = "10.42.3.0/24"
SERVICE_NETWORK = "10.43.0.0/16"
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--"]
CLONE_NEWNET = 0x40000000
PORTS = itertools.count(12_000)
"""Each port is given once, below those of NodePorts (from 30,000) and of outgoing connections (from 32,768)."""

# A bridge without a hardware address of its own takes that of one of its ports: it would change while pods come and go,
# and what they send to the old one would be lost.
# An address must be routable before it is translated, hence the route for the Service addresses.
SETUP = f"""
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /var/log
ip link set lo up
ip link add pods0 address {BRIDGE} type bridge
ip address add {HOST}/24 dev pods0
ip link set pods0 up
ip route add {SERVICE_NETWORK} dev pods0
echo 1 > /proc/sys/net/ipv4/ip_forward
echo ready
exec "$0" --until-eof
"""


class Namespace:
    """The namespaces that a cluster lives in; `close` ends everything that runs in them."""

    def __init__(self, pause: Path) -> None:
        self._programs: list[subprocess.Popen[bytes]] = []
        self._outer = subprocess.Popen(
            [*UNSHARE, "sh", "-c", SETUP, str(pause)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self._outer.stdout is not None
        if self._outer.stdout.readline() != "ready\n":
            self.close()
            raise ClusterError("the cluster's namespaces could not be made (see above)")
        (self.pid,) = children_of(self._outer.pid)
        self._inside = ThreadPoolExecutor(1, "in-namespace", self._enter_network)

    def close(self) -> None:
        """Let the first process end, and with it every other."""
        assert self._outer.stdin is not None
        assert self._outer.stdout is not None
        self._outer.stdin.close()
        self._outer.wait(timeout=60)
        self._outer.stdout.close()
        for program in self._programs:
            program.wait(timeout=60)
        if hasattr(self, "_inside"):
            self._inside.shutdown()

    def into(self, *, network_only: bool = False) -> list[str]:
        """Return the words that start a command inside, to be put before its own."""
        rest = [] if network_only else ["--mount", "--pid"]
        return ["nsenter", "--target", str(self.pid), "--net", *rest, "--"]

    def owns(self, program: "subprocess.Popen[bytes]") -> None:
        """Note a program that was started inside, to see it end when everything ends."""
        self._programs.append(program)

    @property
    def root(self) -> Path:
        """The file system as programs inside see it."""
        return Path(f"/proc/{self.pid}/root")

    def call(self, function: Callable[..., Value], *arguments: object) -> Value:
        """Call a function in the thread that lives inside; a socket it makes stays there."""
        return self._inside.submit(function, *arguments).result()

    def open_socket(self, kind: socket.SocketKind = socket.SOCK_DGRAM) -> socket.socket:
        """Make a socket inside."""
        return self.call(socket.socket, socket.AF_INET, kind)

    def connect(
        self, address: str, port: int, *, timeout_seconds: float | None = None
    ) -> socket.socket:
        """Open a TCP connection inside."""
        return self.call(socket.create_connection, (address, port), timeout_seconds)

    def free_port(self) -> int:
        """Return a port that is free for UDP and TCP, and that stays free until somebody listens on it.

        It is not one that the kernel gives to outgoing connections: the API server opens some while a server starts.
        """
        while True:
            port = next(PORTS)
            with self.open_socket() as udp, self.open_socket(socket.SOCK_STREAM) as tcp:
                try:
                    udp.bind((HOST, port))
                    tcp.bind((HOST, port))
                except OSError:
                    continue
                return port

    def _enter_network(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12
        handle = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        try:
            if libc.setns(handle, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns into the cluster's network")
        finally:
            os.close(handle)


def children_of(parent: int) -> list[int]:
    """Return the processes that a process forked and that still run."""
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:  # it has ended
        return []
    return [int(child) for child in children.split()]
