"""The differences about packets that docs/deviations.md explains, as rules over the octets sent.

Source: docs/deviations.md, "Packets"; RFC 1035 §4.1, RFC 6891 §6.1.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from struct import unpack_from

from tests.cluster.oracle.case import Case
from tests.cluster.oracle.comparing import differences
from tests.cluster.oracle.messages import FORMERR, OPT, Reply

REPORT_CHANNEL, ZONEVERSION = 18, 19
UDP_OCTETS_MAX = 65_507


def flags_of_edns_that_nobody_has_defined(case: Case) -> bool:
    """Z bits of the OPT record: echoed there, zero here."""
    one, two = case.reference, case.subject
    if not (one and one.edns and two and two.edns) or one.edns.flags == two.edns.flags:
        return False
    return one.edns.flags & 0x8000 == two.edns.flags and not differences(
        replace(one, edns=two.edns), two, lambda: (None, None)
    )


def question_that_is_cut(case: Case) -> bool:
    """No type or class at the packet's end: zero there, FORMERR here."""
    end = _end_of_name(case.question.raw)
    return refused_only_here(case) and end is not None and end + 4 > _length(case)


def pointer_in_the_question(case: Case) -> bool:
    """A compression pointer in the question: followed into the header there, FORMERR here."""
    return refused_only_here(case) and _end_of_name(case.question.raw) is None


def opt_records_that_must_not_be(case: Case) -> bool:
    """Two OPT records, or one that the root does not own: answered there, FORMERR here."""
    found = list(_opts(case.question.raw))
    return refused_only_here(case) and (len(found) > 1 or any(owner for owner, _ in found))


def options_that_nobody_sends(case: Case) -> bool:
    """A Report-Channel or ZONEVERSION option in a query: its data are read there, ignored here."""
    codes = {code for _, options in _opts(case.question.raw) for code in _codes(options)}
    return refused_only_there(case) and not codes.isdisjoint({REPORT_CHANNEL, ZONEVERSION})


def records_that_nobody_asks_for(case: Case) -> bool:
    """RDATA of other records in a query: FORMERR there, not looked at here."""
    raw = case.question.raw
    return refused_only_there(case) and raw is not None and any(unpack_from("!3H", raw, 4))


def query_of_more_than_512_octets(case: Case) -> bool:
    """Over UDP: cut there, read here."""
    return refused_only_there(case) and not case.question.tcp and _length(case) > 510


def refused_only_here(case: Case) -> bool:
    """Whether podname alone says FORMERR, to a packet."""
    return (
        case.question.raw is not None
        and is_formerr(case.subject)
        and not is_formerr(case.reference)
    )


def refused_only_there(case: Case) -> bool:
    """Whether CoreDNS alone says FORMERR, to a packet."""
    return (
        case.question.raw is not None
        and is_formerr(case.reference)
        and not is_formerr(case.subject)
    )


def answer_that_no_datagram_holds(case: Case) -> bool:
    """An answer of more octets than a datagram takes, to who says that it takes them: silence there, TC here."""
    opt, reply = case.question.opt, case.subject
    if case.question.tcp or opt is None or opt.udp_octets <= UDP_OCTETS_MAX:
        return False
    return case.reference is None and reply is not None and reply.truncated


def is_formerr(reply: Reply | None) -> bool:
    """Whether a reply says that the query is malformed."""
    return reply is not None and reply.rcode == FORMERR


def _length(case: Case) -> int:
    return len(case.question.raw or b"")


def _end_of_name(raw: bytes | None, at: int = 10) -> int | None:
    """Return the offset behind a name (of a packet without its id); None for a pointer or nonsense."""
    try:
        while raw and (length := raw[at]):
            if length > 63:
                return None
            at += 1 + length
    except IndexError:
        return len(raw or b"") + 1
    return at + 1


def _opts(raw: bytes | None) -> Iterator[tuple[bytes, bytes]]:
    """Return owner and data of each OPT record, as far as the packet can be read."""
    at = _end_of_name(raw)
    if raw is None or at is None:
        return
    at += 4
    while at < len(raw):
        end = _end_of_name(raw, at)
        if end is None or end + 10 > len(raw):
            return
        rtype, _, _, length = unpack_from("!HHIH", raw, end)
        if rtype == OPT:
            yield raw[at : end - 1], raw[end + 10 : end + 10 + length]
        at = end + 10 + length


def _codes(options: bytes) -> Iterator[int]:
    at = 0
    while at + 4 <= len(options):
        code, length = unpack_from("!HH", options, at)
        yield code
        at += 4 + length


RULES: list[Callable[[Case], bool]] = [
    flags_of_edns_that_nobody_has_defined,
    question_that_is_cut,
    pointer_in_the_question,
    opt_records_that_must_not_be,
    options_that_nobody_sends,
    query_of_more_than_512_octets,
    records_that_nobody_asks_for,
]
