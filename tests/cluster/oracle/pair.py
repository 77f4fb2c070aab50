"""CoreDNS and podname on one API server with one Corefile, and what both are told and asked."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.servers import DnsServer
from tests.cluster.oracle.asking import Asker, ask_all
from tests.cluster.oracle.case import Case
from tests.cluster.oracle.comparing import differences, malformed_text, parsed
from tests.cluster.oracle.explained import explanation
from tests.cluster.oracle.messages import Reply
from tests.cluster.oracle.questions import Question, ask
from tests.cluster.oracle.variants import Variant, corefile

SHOWN = 12
PORTS = itertools.count(20_000)
"""Ports of the cluster's own network, below those that clients are given."""


@dataclass
class Report:
    """What a comparison found: how many questions, which rules explained how many, and the rest."""

    asked: int = 0
    explained: dict[str, int] = field(default_factory=dict)
    unexplained: list[str] = field(default_factory=list)

    def add(self, other: "Report") -> None:
        """Add another's findings."""
        self.asked += other.asked
        self.unexplained += other.unexplained
        for name, count in other.explained.items():
            self.explained[name] = self.explained.get(name, 0) + count

    def check(self) -> None:
        """Fail with the first differences that nothing explains."""
        if self.unexplained:
            total = f"{len(self.unexplained)} of {self.asked} answers differ"
            raise AssertionError("\n\n".join([total, *self.unexplained[:SHOWN]]))

    def __str__(self) -> str:
        rules = "".join(f"; {count} {name}" for name, count in sorted(self.explained.items()))
        return f"{self.asked} questions compared{rules}"


class Pair:
    """The two servers, for as long as a `with` block runs. The subject may be CoreDNS again."""

    def __init__(
        self,
        cluster: Cluster,
        variants: Sequence[Variant],
        *,
        subject: str = "podname",
        ours: str = "",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.cluster, self.variants, self.ours = cluster, list(variants), ours
        self._subject, self._environment = subject, environment or {}
        self._ending = contextlib.ExitStack()
        self._askers: dict[str, list[Asker]] = {}
        self.servers: list[DnsServer] = []

    def __enter__(self) -> "Pair":
        with contextlib.ExitStack() as undo:
            self._start(undo, "coredns", corefile(self.variants))
            ours = self.ours if self._subject == "podname" else ""
            self._start(undo, self._subject, corefile(self.variants, ours))
            self._ending = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.close()

    def _start(self, undo: contextlib.ExitStack, program: str, text: str) -> None:
        namespace = self.cluster.namespace
        ports = {variant.port: next(PORTS) for variant in self.variants}
        ports |= {"HEALTH": next(PORTS), "METRICS": next(PORTS)}
        environment = {**self._environment, **{key: str(port) for key, port in ports.items()}}
        server = self.cluster.start_server(program, text, environment=environment)
        self.servers.append(undo.enter_context(server))
        for variant in self.variants:
            asker = Asker(namespace, server.address, ports[variant.port])
            undo.callback(asker.close)
            self._askers.setdefault(variant.name, []).append(asker)

    def replies(
        self, variant: Variant, questions: Sequence[Question]
    ) -> list[tuple[bytes | None, ...]]:
        """Ask both the same; give the reply of CoreDNS and that of the subject."""
        return ask_all(self._askers[variant.name], questions)

    def ask(self, variant: Variant, question: Question) -> list[Reply | None]:
        """Ask both one question."""
        ((theirs, ours),) = self.replies(variant, [question])
        return [parsed(theirs), parsed(ours)]

    def compare(
        self, variant: Variant, questions: Iterable[Question], objects: Sequence[Object]
    ) -> Report:
        """Ask both the same and say where they differ."""
        asked, report = list(questions), Report()
        for question, (theirs, ours) in zip(asked, self.replies(variant, asked), strict=True):
            report.asked += 1
            found, case = self._look(variant, question, objects, theirs, ours)
            if not found:
                continue
            name = explanation(case) if case else ""
            if name:
                report.explained[name] = report.explained.get(name, 0) + 1
            else:
                report.unexplained.append(_text(variant, question, found, case))
        return report

    def _look(
        self,
        variant: Variant,
        question: Question,
        objects: Sequence[Object],
        theirs: bytes | None,
        ours: bytes | None,
    ) -> tuple[list[str], Case | None]:
        for who, octets in (("CoreDNS", theirs), ("podname", ours)):
            if problem := malformed_text(octets):
                other = ours if who == "CoreDNS" else theirs
                return [f"{who} sends what cannot be read: {problem}\n{other!r:.200}"], None
        ports = [asker.ports for asker in self._askers[variant.name]]
        reference, subject = parsed(theirs, ports[0]), parsed(ours, ports[1])
        found = differences(reference, subject, lambda: self._whole(variant, question))
        if not found:
            return [], None

        def reference_to(name: str, kind: str) -> Reply | None:
            ((octets, _),) = self.replies(variant, [ask(name, kind)])
            return parsed(octets)

        return found, Case(question, reference, subject, variant, objects, self.ours, reference_to)

    def _whole(self, variant: Variant, question: Question) -> tuple[Reply | None, Reply | None]:
        over_tcp = Question(question.name, question.rtype, question.rclass, tcp=True)
        ((theirs, ours),) = self.replies(variant, [over_tcp])
        return parsed(theirs), parsed(ours)


def _text(variant: Variant, question: Question, found: list[str], case: Case | None) -> str:
    lines = [f"[{variant.name}] {question}", *(f"  {line}" for line in found)]
    if case:
        lines += [f"CoreDNS {case.reference}", f"podname {case.subject}"]
    return "\n".join(lines)


def batches(items: Sequence[Question], size: int) -> Iterator[Sequence[Question]]:
    """Cut into batches."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
