"""A name server that says what a script tells it: what `forward` and external aliases ask.

It answers by the first label of the name, the same for everybody and every time. What a test puts into `says` under a
first label goes before: what such a name is answered from then on.
"""

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from struct import pack, unpack

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from tests.cluster.harness.namespace import HOST, Namespace

DOMAIN = dns.name.from_text("example.com.")
TTL = 300
ADDRESSES = {
    "www": ["192.0.2.1", "2001:db8:ffff::1"],
    "two": ["192.0.2.2", "192.0.2.3"],
    "big": [f"198.51.100.{number}" for number in range(1, 100)],
}
#: Answers of all types at the first label `all`.
ALL = {
    "MX": "10 www.example.com.",
    "NAPTR": '1 2 "S" "SIP+D2U" "" www.example.com.',
    "NS": "www.example.com.",
    "PTR": "www.example.com.",
    "SRV": "1 2 80 www.example.com.",
    "TXT": '"www.example.com."',
}
SOA = "ns.example.com. admin.example.com. 1 7200 1800 86400 60"


@dataclass(frozen=True, slots=True)
class Says:
    """An answer: records are `TTL TYPE DATA` of the name that is asked for, behind `authority:` of example.com."""

    records: tuple[str, ...] = ()
    rcode: str = "NOERROR"
    is_silent: bool = False


class Upstream:
    """A UDP and TCP server in the cluster's network, until `close`."""

    def __init__(self, namespace: Namespace) -> None:
        self.says: dict[str, Says] = {}
        self.port = namespace.free_port()
        self._udp = namespace.open_socket()
        self._udp.bind((HOST, self.port))
        self._tcp = namespace.open_socket(socket.SOCK_STREAM)
        self._tcp.bind((HOST, self.port))
        self._tcp.listen()
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens, as `forward` has it."""
        return f"{HOST}:{self.port}"

    def close(self) -> None:
        """Stop listening; the threads end with their sockets."""
        for one in (self._udp, self._tcp):
            one.close()

    def _serve_udp(self) -> None:
        while True:
            try:
                packet, client = self._udp.recvfrom(65535)
            except OSError:
                return
            if reply := self._reply(packet, 512):
                self._udp.sendto(reply, client)

    def _serve_tcp(self) -> None:
        while True:
            try:
                stream, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(stream,), daemon=True).start()

    def _talk(self, stream: socket.socket) -> None:
        with stream, stream.makefile("rb") as octets:
            while length := octets.read(2):
                packet = octets.read(unpack("!H", length)[0])
                if answer := self._reply(packet, 65535):
                    stream.sendall(len(answer).to_bytes(2, "big") + answer)

    def _reply(self, packet: bytes, limit_octets: int) -> bytes:
        first = packet[13 : 13 + packet[12]].decode("latin-1").lower()
        said = self.says.get(first)
        return reply_to(packet, limit_octets) if said is None else _said(packet, said)


def _said(packet: bytes, said: Says) -> bytes:
    """Answer as a test says; nothing is silence."""
    if said.is_silent:
        return b""
    query = dns.message.from_wire(packet)
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.RA
    reply.set_rcode(dns.rcode.from_text(said.rcode))
    for record in said.records:
        is_authority = record.startswith("authority:")
        owner = DOMAIN if is_authority else query.question[0].name
        ttl, rtype, data = record.removeprefix("authority:").split(maxsplit=2)
        section = reply.authority if is_authority else reply.answer
        section.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, data))
    return reply.to_wire(max_size=65535)


class TlsUpstream:
    """The same over TLS, until `close`. `fault` is what is wrong with it, for whoever forwards."""

    def __init__(self, namespace: Namespace, context: ssl.SSLContext, fault: str = "") -> None:
        self.port, self._context, self._fault = namespace.free_port(), context, fault
        self.handshakes = 0
        self._listening = namespace.open_socket(socket.SOCK_STREAM)
        self._listening.bind((HOST, self.port))
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{HOST}:{self.port}"

    def close(self) -> None:
        """Stop listening; the threads end with their sockets."""
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                stream, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(stream,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        if self._fault == "garbage":
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            plain.close()
            return
        with (
            contextlib.suppress(OSError),
            self._context.wrap_socket(plain, server_side=True) as stream,
        ):
            self.handshakes += 1
            with stream.makefile("rb") as octets:
                while length := octets.read(2):
                    packet = octets.read(unpack("!H", length)[0])
                    if self._fault == "eof":
                        return
                    answer = reply_to(packet, 65535)
                    if self._fault == "wrong id":
                        answer = bytes((answer[0] ^ 1,)) + answer[1:]
                    stream.sendall(len(answer).to_bytes(2, "big") + answer)
                    if self._fault == "one each":
                        return


def reply_to(packet: bytes, limit_octets: int) -> bytes:
    """Answer a query by the first label of its name."""
    query = dns.message.from_wire(packet)
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.RA
    name, rtype = query.question[0].name, query.question[0].rdtype
    first = name.labels[0].decode("latin-1").lower() if name.is_subdomain(DOMAIN) else ""
    if first == "fails":
        reply.set_rcode(dns.rcode.SERVFAIL)
    elif first == "refused":
        reply.set_rcode(dns.rcode.REFUSED)
    elif first in {"www", "two", "big", "chain"}:
        _answer(reply, str(name), first, rtype)
    elif first == "all":
        if text := ALL.get(dns.rdatatype.to_text(rtype)):
            reply.answer.append(dns.rrset.from_text(name, TTL, "IN", rtype, text))
    elif first == "options":  # what the query's OPT record says
        options = b"".join(pack("!H", each.otype) + each.to_wire() for each in query.options)
        seen = f'"{"none" if query.edns < 0 else query.payload} {options.hex()}"'
        reply.answer.append(dns.rrset.from_text(name, TTL, "IN", "TXT", seen))
    elif first != "empty":
        reply.set_rcode(dns.rcode.NXDOMAIN)
    if not reply.answer and reply.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        reply.authority.append(dns.rrset.from_text("example.com.", 60, "IN", "SOA", SOA))
    octets = reply.to_wire(max_size=65535)
    if len(octets) > limit_octets:
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        octets = reply.to_wire()
    return octets


def _answer(
    reply: dns.message.Message, name: str, first: str, rtype: dns.rdatatype.RdataType
) -> None:
    owner = name
    if first == "chain":
        owner = "www.example.com."
        reply.answer.append(dns.rrset.from_text(name, TTL, "IN", "CNAME", owner))
        first = "www"
    texts = ADDRESSES[first]
    wanted = {dns.rdatatype.A: ".", dns.rdatatype.AAAA: ":"}.get(rtype)
    texts = [text for text in texts if wanted and wanted in text]
    if texts:
        reply.answer.append(
            dns.rrset.from_text(owner, TTL, "IN", dns.rdatatype.to_text(rtype), *texts)
        )
