"""Somebody who asks a DNS server all the while and counts what came back.

Each question comes from a port of its own. A port that is used again would find its old way to a server in the
machine's table of connections, and so a server that ended a moment ago: whoever asks a hundred times a second from one
address sees that at every change of a Service for UDP, whatever the servers behind it are.

Sources: nf_conntrack_udp_timeout of the kernel (30 s); pkg/proxy/conntrack of Kubernetes.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import dns.exception
import dns.message
import dns.query
import dns.rcode
from tests.cluster.harness.namespace import Namespace

PACE_SECONDS = 0.01
FIRST_PORT = 20000
PATIENCE_SECONDS = 5.0
"""That of the C library before it asks again."""


class Asker:
    """What the answers were: `lost`, a response code, or the data of an answer.

    `odd` tells of each that was not the first, when it was asked and what was going on, by `phase`.
    """

    def __init__(self, namespace: Namespace, address: str, name: str) -> None:
        self._namespace = namespace
        self._address = address
        self._name = name
        self._ended = threading.Event()
        self._ports = itertools.count(FIRST_PORT)
        self._began = time.monotonic()
        self.phase = ""
        self.answers: Counter[str] = Counter()
        self.odd: list[str] = []

    def run(self) -> None:
        """Ask until `end`."""
        while not self._ended.wait(PACE_SECONDS):
            phase, seconds = self.phase, time.monotonic() - self._began
            answer = self._ask()
            self.answers[answer] += 1
            if answer != next(iter(self.answers)):
                self.odd.append(f"{phase}, {seconds:.3f} s: {answer}")

    def end(self) -> None:
        """Let every thread stop after the question that it waits for."""
        self._ended.set()

    def _ask(self) -> str:
        question = dns.message.make_query(self._name, "A")
        with self._namespace.open_socket() as datagrams:
            datagrams.setblocking(False)
            datagrams.bind(("", next(self._ports)))
            try:
                reply = dns.query.udp(question, self._address, PATIENCE_SECONDS, sock=datagrams)
            except dns.exception.Timeout:
                return "lost"
            except OSError as error:
                return str(error)
        texts = [rdata.to_text() for rrset in reply.answer for rdata in rrset]
        return " ".join(sorted(texts)) or dns.rcode.to_text(reply.rcode())


@contextmanager
def asked_all_the_while(
    namespace: Namespace, address: str, name: str, *, threads: int = 2
) -> Iterator[Asker]:
    """Ask for an address of a name for as long as the block runs."""
    asker = Asker(namespace, address, name)
    running = [threading.Thread(target=asker.run) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield asker
    finally:
        asker.end()
        for thread in running:
            thread.join()
