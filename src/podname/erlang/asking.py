"""Questions to a nameserver for a host, and for the names of an address.

CoreDNS keeps answers for questions with the CD flag apart, so the same question with CD goes past what its cache holds.

Sources: RFC 2308; RFC 4035 §3.2.2 (CD); CoreDNS plugin/cache `hash`.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename

from podname.dns.nameserver import Nameserver

QUESTION_SECONDS = 2.0
_TYPES = {"inet": "A", "inet6": "AAAA"}


@dataclass(frozen=True)
class Asked:
    """A question to a nameserver and what came back; `error` when nothing did."""

    server: Nameserver
    name: str
    rcode: str = ""
    addresses: tuple[str, ...] = ()
    negative_ttl_seconds: int | None = None  # of the SOA in a negative answer
    error: str = ""


@dataclass(frozen=True)
class Pointers:
    """The PTR records of an address, as a nameserver gives them; `error` when it did not answer."""

    server: Nameserver
    address: str
    names: tuple[str, ...] = ()
    error: str = ""


async def ask(
    server: Nameserver, name: str, family: str = "inet", *, past_cache: bool = False
) -> Asked:
    """Ask a nameserver for a host's addresses, over UDP and, when they do not fit, over TCP."""
    try:
        query = dns.message.make_query(name, _TYPES[family])
        if past_cache:
            query.flags |= dns.flags.CD
        reply = await exchange(query, server)
    except (dns.exception.DNSException, OSError) as error:
        return Asked(server, name, error=_reason(error))
    return _read(server, name, reply)


async def past_caches(asked: Sequence[Asked], family: str) -> tuple[Asked, ...]:
    """Ask the negative ones again, so that a cache does not take them for the same question."""
    negative = [each for each in asked if each.negative_ttl_seconds is not None]
    return tuple([await ask(each.server, each.name, family, past_cache=True) for each in negative])


async def names_of(address: str, servers: Sequence[Nameserver]) -> Pointers | None:
    """Ask the first nameserver that answers for the PTR records of an address; None without nameservers."""
    found: Pointers | None = None
    for server in servers:
        try:
            query = dns.message.make_query(dns.reversename.from_address(address), "PTR")
            reply = await exchange(query, server)
        except (dns.exception.DNSException, OSError) as error:
            found = Pointers(server, address, error=_reason(error))
            continue
        return Pointers(server, address, _targets(reply))
    return found


def _targets(reply: dns.message.Message) -> tuple[str, ...]:
    records = [each for each in reply.answer if each.rdtype == dns.rdatatype.PTR]
    return tuple(
        sorted(data.target.to_text(omit_final_dot=True) for each in records for data in each)
    )


async def exchange(query: dns.message.Message, server: Nameserver) -> dns.message.Message:
    """Ask once more before a server counts as silent: a datagram may be lost."""
    try:
        return await _exchange(query, server)
    except dns.exception.Timeout:
        return await _exchange(query, server)


async def _exchange(query: dns.message.Message, server: Nameserver) -> dns.message.Message:
    """Send a query on a connected socket, which learns at once when nothing listens there."""
    family = socket.AF_INET6 if server.address.version == 6 else socket.AF_INET
    backend = dns.asyncbackend.get_default_backend()
    destination = (str(server.address), server.port)
    made = backend.make_socket(family, socket.SOCK_DGRAM, destination=destination)  # type: ignore[no-untyped-call]
    async with await made as connected:
        reply, _ = await dns.asyncquery.udp_with_fallback(
            query, destination[0], QUESTION_SECONDS, server.port, udp_sock=connected
        )
    return reply


def _read(server: Nameserver, name: str, reply: dns.message.Message) -> Asked:
    addresses = tuple(
        rdata.to_text()
        for rrset in reply.answer
        if rrset.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA}
        for rdata in rrset
    )
    code = reply.rcode()
    soas = [each for each in reply.authority if each.rdtype == dns.rdatatype.SOA]
    is_negative = not addresses and code in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}
    ttl_seconds = soas[0].ttl if soas and is_negative else None
    return Asked(server, name, dns.rcode.to_text(code), addresses, ttl_seconds)


def _reason(error: Exception) -> str:
    if isinstance(error, dns.exception.Timeout):
        return f"no answer in {QUESTION_SECONDS:g} s, twice"
    if isinstance(error, ConnectionRefusedError):
        return "refused: nothing listens there"
    return " ".join(str(error).split()) or type(error).__name__
