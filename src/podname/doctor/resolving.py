"""How a host resolves here: once as the C library does it, and question by question at each nameserver.

The C library's answer is what an Erlang node gets that has no inetrc. The questions show why: which name was asked
first, what each server said, and, for a negative answer, how long a cache will repeat it. CoreDNS keeps answers for
questions with the CD flag apart, so the same question with CD goes past what its cache holds.

Sources: resolv.conf(5) (`ndots`, `search`); RFC 2308; RFC 4035 §3.2.2 (CD); CoreDNS plugin/cache `hash`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.reversename

from podname.doctor.facts import Asked, Lookup, Nameserver, Pointers, ResolvConf

QUESTION_SECONDS = 2.0
NATIVE_SECONDS = 12.0
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
_TYPES = {"inet": "A", "inet6": "AAAA"}


async def look_up(host: str, conf: ResolvConf, family: str = "inet") -> Lookup:
    """Resolve a host in both ways."""
    addresses, error = await native(host, family)
    asked = []
    for server in conf.nameservers:
        asked += await _ask_in_order(server, candidates(host, conf), family)
    answered = any(each.addresses for each in asked)
    past = () if answered else await past_caches(asked, family)
    return Lookup(host, addresses, error, asked=tuple(asked), past_caches=past)


async def past_caches(asked: Sequence[Asked], family: str) -> tuple[Asked, ...]:
    """Ask the negative ones again, so that a cache does not take them for the same question."""
    negative = [each for each in asked if each.negative_ttl_seconds is not None]
    return tuple([await ask(each.server, each.name, family, past_cache=True) for each in negative])


def candidates(host: str, conf: ResolvConf) -> list[str]:
    """Return the names that the C library asks for, in its order."""
    if host.endswith("."):
        return [host]
    searched = [f"{host}.{domain}" for domain in conf.search]
    return [host, *searched] if host.count(".") >= conf.ndots else [*searched, host]


async def native(host: str, family: str) -> tuple[tuple[str, ...], str]:
    """Resolve as the C library does: addresses, or why there are none.

    In a thread that nobody waits for: the C library may take a minute, and cannot be told to stop.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[tuple[str, ...], str]] = loop.create_future()

    def settle(result: tuple[tuple[str, ...], str]) -> None:
        if not done.done():
            done.set_result(result)

    def resolve() -> None:
        result = _native(host, family)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        return await asyncio.wait_for(done, NATIVE_SECONDS)
    except TimeoutError:
        return (), f"no answer in {NATIVE_SECONDS:g} s"


def _native(host: str, family: str) -> tuple[tuple[str, ...], str]:
    octets = host.encode(
        "utf-8", "surrogateescape"
    )  # text would go through IDNA, which Erlang does not do
    try:
        found = socket.getaddrinfo(octets, None, _FAMILIES[family], socket.SOCK_STREAM)
    except OSError as error:
        return (), error.strerror or str(error)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found)), ""


async def _ask_in_order(server: Nameserver, names: Sequence[str], family: str) -> list[Asked]:
    """Ask until there is an address, or no answer at all."""
    asked: list[Asked] = []
    for name in names:
        asked.append(await ask(server, name, family))
        if asked[-1].addresses or asked[-1].error:
            break
    return asked


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
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    backend = dns.asyncbackend.get_default_backend()
    destination = (server.address, server.port)
    made = backend.make_socket(family, socket.SOCK_DGRAM, destination=destination)  # type: ignore[no-untyped-call]
    async with await made as connected:
        reply, _ = await dns.asyncquery.udp_with_fallback(
            query, server.address, QUESTION_SECONDS, server.port, udp_sock=connected
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
