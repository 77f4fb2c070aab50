"""CoreDNS and podname with one Corefile and without a cluster, in a network of their own; asked the same.

The Corefile has `{$PORT}` for the port of its blocks, `{$ADDRESS}` to bind, `{$FOLDER}` for a folder that both may
read, `{$UPSTREAM}` for a name server that answers by a script (`tests.cluster.oracle.upstream`), and `{$P1}` to `{$P9}`
for further ports, each server its own. A block for `ready` is added.
"""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dns.message
from tests.cluster.harness.namespace import Namespace
from tests.cluster.harness.programs import prepare
from tests.cluster.harness.servers import DnsServer
from tests.cluster.oracle.asking import Asker, ask_all
from tests.cluster.oracle.comparing import differences, parsed
from tests.cluster.oracle.messages import Reply
from tests.cluster.oracle.questions import Question

PODNAME = Path(sys.executable).with_name("podname")
READY = "\nready.side-by-side.invalid:{$PORT} {\n    bind {$ADDRESS}\n    ready {$READY}\n}\n"
PORTS_EACH = 9


class SideBySide:
    """Both servers at work, for as long as a `with` block runs."""

    def __init__(self, theirs: DnsServer, ours: DnsServer) -> None:
        self.coredns, self.podname = theirs, ours
        self._ending = contextlib.ExitStack()
        self._askers = [Asker(each.namespace, each.address, each.port) for each in (theirs, ours)]
        for asker in self._askers:
            self._ending.callback(asker.close)

    def __enter__(self) -> "SideBySide":
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def replies(self, question: Question) -> tuple[Reply | None, Reply | None]:
        """Return what CoreDNS and podname reply, with the client's own port as a word."""
        ((theirs, ours),) = ask_all(self._askers, [question])
        ports = [asker.ports for asker in self._askers]
        return parsed(theirs, ports[0]), parsed(ours, ports[1])

    def check(self, questions: Sequence[Question]) -> int:
        """Ask both; fail with all that differs. Return how many were asked."""
        found = []
        for question in questions:
            theirs, ours = self.replies(question)
            over_tcp = Question(question.name, question.rtype, question.rclass, tcp=True)
            if lines := differences(theirs, ours, lambda q=over_tcp: self.replies(q)):  # type: ignore[misc]
                found.append("\n  ".join([str(question), *lines, f"CoreDNS: {theirs}"]))
        assert not found, "\n\n".join([f"{len(found)} of {len(questions)} differ", *found[:12]])
        return len(questions)

    def messages(self, query: dns.message.Message) -> list[dns.message.Message]:
        """Return the replies of CoreDNS and of podname, as dnspython reads them."""
        return [server.exchange(query) for server in (self.coredns, self.podname)]


@contextlib.contextmanager
def side_by_side(
    namespace: Namespace, corefile: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[SideBySide]:
    """Start both with a Corefile and wait until they answer. What they log is shown when a test fails."""
    commands: dict[str, list[str | Path]] = {
        "coredns": [prepare()["coredns"]],
        "podname": [PODNAME, "serve"],
    }
    with contextlib.ExitStack() as ending:
        servers = []
        for name, command in commands.items():
            ports = {
                f"P{number}": str(namespace.free_port()) for number in range(1, PORTS_EACH + 1)
            }
            variables = {"FOLDER": str(folder), **ports, **(environment or {})}
            log = folder / f"{name}-{len(list(folder.iterdir()))}.log"
            server = DnsServer(namespace, command, corefile + READY, log, variables)
            servers.append(ending.enter_context(server))
            server.wait_ready()
        yield ending.enter_context(SideBySide(*servers))
