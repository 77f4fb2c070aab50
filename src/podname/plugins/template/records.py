"""One resource record out of zone-file text, as templates make it.

The parts come in the order of a zone file: owner, TTL and class in either order or left out, type, data. A name
without its last dot lies below the root. Unlike in a zone file a SOA record may stand anywhere.

Sources: RFC 1035 §5.1; miekg/dns v1 `NewRR`.
"""

from __future__ import annotations

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import dns.ttl

from podname.dns.unpacked import ResourceRecord

_TTL_SECONDS = 3600


class BadRecord(ValueError):
    """The text is no record."""


def record_of(text: str) -> ResourceRecord:
    """Read a record. Raises BadRecord."""
    tokens = dns.tokenizer.Tokenizer(text)
    try:
        owner = tokens.get_name(origin=dns.name.root)
        ttl_seconds, rclass, rtype = _kinds(tokens)
        rdata = dns.rdata.from_text(rclass, rtype, tokens, dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadRecord(str(error)) from None
    packed, wire = owner.to_wire(), rdata.to_wire()
    assert packed is not None and wire is not None  # noqa: S101, PT018
    return ResourceRecord(packed, rtype, rclass, ttl_seconds, wire)


def _kinds(
    tokens: dns.tokenizer.Tokenizer,
) -> tuple[int, dns.rdataclass.RdataClass, dns.rdatatype.RdataType]:
    """Read TTL, class and type. Raises DNSException or ValueError."""
    ttl_seconds: int | None = None
    rclass: dns.rdataclass.RdataClass | None = None
    while True:
        word = tokens.get_identifier()
        if ttl_seconds is None and word[:1].isdigit():
            ttl_seconds = dns.ttl.from_text(word)
        elif rclass is None and (found := _class_of(word)) is not None:
            rclass = found
        else:
            break
    rtype = dns.rdatatype.from_text(word)
    return (
        _TTL_SECONDS if ttl_seconds is None else ttl_seconds,
        dns.rdataclass.IN if rclass is None else rclass,
        rtype,
    )


def _class_of(word: str) -> dns.rdataclass.RdataClass | None:
    try:
        return dns.rdataclass.from_text(word)
    except (dns.exception.DNSException, ValueError):
        return None
