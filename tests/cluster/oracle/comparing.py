"""How two replies to one question differ: in everything but the order of records and the serial.

Of a truncated reply what is compared is what does not depend on the order of a hash table: the
flags, how many records there are when all have one size, and that each is in the whole answer.

Sources: CoreDNS plugin/test (SortAndCheck, CNAMEOrder), made stricter.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from tests.cluster.oracle.messages import (
    AAAA,
    CNAME,
    SRV,
    A,
    Malformed,
    Record,
    Reply,
    read,
)

Whole = Callable[[], tuple[Reply | None, Reply | None]]


def differences(reference: Reply | None, subject: Reply | None, whole: Whole) -> list[str]:
    """List how `subject` differs from `reference`; `whole` asks both again over TCP."""
    if reference is None or subject is None:
        silent = "the reference" if reference is None else "podname"
        return [f"{silent} is silent"] if reference is not subject else []
    found = [
        f"{what}: {ours!r} instead of {theirs!r}"
        for what in ("rcode", "opcode", "question", "edns")
        if (ours := getattr(subject, what)) != (theirs := getattr(reference, what))
    ]
    if subject.flags != reference.flags:
        ours, theirs = subject.flags - reference.flags, reference.flags - subject.flags
        found.append(f"flags: more {sorted(ours)}, less {sorted(theirs)}")
    if aliases_come_first(reference) and not aliases_come_first(subject):  # in a loop none does
        found.append("an alias stands behind what it points to")
    if reference.truncated and subject.truncated:
        return found + _truncated(reference, subject, whole)
    for section in ("answer", "authority", "additional"):
        found += _section(section, getattr(reference, section), getattr(subject, section))
    return found


def _section(name: str, reference: tuple[Record, ...], subject: tuple[Record, ...]) -> list[str]:
    theirs, ours = Counter(reference), Counter(subject)
    lacking = [f"{name} lacks: {record}" for record in (theirs - ours).elements()]
    extra = [f"{name} has too much: {record}" for record in (ours - theirs).elements()]
    return [*sorted(lacking)[:8], *sorted(extra)[:8]]


def _truncated(reference: Reply, subject: Reply, whole: Whole) -> list[str]:
    found = []
    if len({record.rtype for record in reference.answer}) == 1 and reference.answer[0].rtype in {
        A,
        AAAA,
    }:
        ours, theirs = len(subject.answer), len(reference.answer)
        if ours != theirs:
            found.append(f"answer: {ours} records fit instead of {theirs}")
    _, complete = whole()
    if complete is None or complete.truncated:  # not even TCP takes all of it
        return found
    for section in ("answer", "authority", "additional"):
        everything = Counter(getattr(complete, section))
        made_up = Counter(getattr(subject, section)) - everything
        found += [f"{section} has what the whole answer lacks: {record}" for record in made_up]
    return found


def aliases_come_first(reply: Reply) -> bool:
    """Whether each CNAME stands before the records of its target."""
    seen: set[str] = set()
    for record in reply.answer:
        if record.rtype == CNAME and str(record.data[0]).lower() in seen:
            return False
        seen.add(record.owner.lower())
    return True


def parsed(octets: bytes | None, client_ports: frozenset[int] = frozenset()) -> Reply | None:
    """Read a reply; None stays None, and a client's own port becomes a word. Raises Malformed."""
    reply = None if octets is None else read(octets)
    if reply is None or not any(map(_of_whoami, reply.additional)):
        return reply
    told = tuple(
        replace(record, data=(*record.data[:2], "client", "."))
        if _of_whoami(record) and record.data[2] in client_ports
        else record
        for record in reply.additional
    )
    return replace(reply, additional=told)


def _of_whoami(record: Record) -> bool:
    return record.rtype == SRV and record.data[3] == "."


def malformed_text(octets: bytes | None) -> str:
    """Return what is wrong with a reply that cannot be read, or nothing."""
    try:
        parsed(octets)
    except Malformed as error:
        return str(error)
    return ""
