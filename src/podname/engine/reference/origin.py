"""Where a datagram came from, and how an answer goes back there from the address that it was sent to.

A socket on a wildcard address would answer from whatever address the route back begins with, and the client would drop
that. So the kernel is asked for the address that each datagram was sent to, and told it again with the answer; not the
interface, for the way back may be another one.

Sources: ip(7) IP_PKTINFO; RFC 3542 §6.1; miekg/dns udp.go `correctSource`.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

Address = tuple[str, int] | tuple[str, int, int, int]
Ancillary = tuple[tuple[int, int, bytes], ...]

#: Linux's number; Python's socket module does not name it on every version.
IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
#: Room for the control message of one datagram, its header of 16 octets included.
CONTROL_OCTETS = 64
_CONTROL_AT = 16


class _Kind(NamedTuple):
    """How a family's packet information is asked for and laid out."""

    level: int
    option: int
    kind: int
    octets: int
    interface_at: int  # of the 4 octets that number the interface


_KINDS = {
    socket.AF_INET: _Kind(socket.IPPROTO_IP, IP_PKTINFO, IP_PKTINFO, 12, 0),
    socket.AF_INET6: _Kind(
        socket.IPPROTO_IPV6,
        getattr(socket, "IPV6_RECVPKTINFO", 49),
        getattr(socket, "IPV6_PKTINFO", 50),
        20,
        16,
    ),
}


class Origin(NamedTuple):
    """The other end of a datagram, for an answer that takes its time."""

    address: Address
    ancillary: Ancillary

    def answer(self, sock: socket.socket, response: bytes) -> None:
        """Send an answer. Raises OSError."""
        sock.sendmsg([response], self.ancillary, 0, self.address)


def ask_for_destinations(sock: socket.socket) -> None:
    """Make the kernel say which address each datagram was sent to."""
    kind = _KINDS[sock.family]
    sock.setsockopt(kind.level, kind.option, 1)


def interface_at(family: int) -> int:
    """Return the offset of the interface's number in a control message."""
    return _CONTROL_AT + _KINDS[socket.AddressFamily(family)].interface_at


def control_octets(family: int) -> int:
    """Return the octets of a control message with packet information, padded to a word."""
    return -(-(_CONTROL_AT + _KINDS[socket.AddressFamily(family)].octets) // 8) * 8


def ancillary_from_octets(family: int, control: bytes) -> Ancillary:
    """Read a control message with packet information, if there is one."""
    kind = _KINDS[socket.AddressFamily(family)]
    data = control[_CONTROL_AT : _CONTROL_AT + kind.octets]
    return ((kind.level, kind.kind, data),) if control else ()


def address_from_octets(family: int, address: bytes) -> Address:
    """Read a sockaddr_in or a sockaddr_in6."""
    port = int.from_bytes(address[2:4], "big")
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, address[4:8]), port
    scope = int.from_bytes(address[24:28], "little")
    return socket.inet_ntop(socket.AF_INET6, address[8:24]), port, 0, scope


def without_interface(ancillary: list[tuple[int, int, bytes]]) -> Ancillary:
    """Take the interface out of packet information."""
    return tuple(
        (level, kind, data[: of.interface_at] + bytes(4) + data[of.interface_at + 4 :])
        for level, kind, data in ancillary
        for of in _KINDS.values()
        if (level, kind) == (of.level, of.kind)
    )
