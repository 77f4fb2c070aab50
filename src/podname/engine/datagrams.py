"""Sockets for datagrams: their buffers, and the address that an answer must come from.

A socket on a wildcard address would answer from whatever address the route back begins with, and the client would drop
that. So the kernel is asked for the address that each datagram was sent to, and told it again with the answer; not the
interface, for the way back may be another one.

Sources: ip(7) IP_PKTINFO; RFC 3542 §6.1; socket(7); miekg/dns udp.go `correctSource`.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

Address = tuple[str, int] | tuple[str, int, int, int]
Ancillary = tuple[tuple[int, int, bytes], ...]

#: Linux's number; Python's socket module does not name it on every version.
IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
#: Room for the control message of one datagram, its header of 16 octets included.
CONTROL_OCTETS = 64
RECEIVE_BUFFER_OCTETS = 4 << 20  # or as much of it as the system allows: a burst may wait
SEND_MICROSECONDS_MAX = 50_000  # that the server waits for room in a full send buffer


class _Kind(NamedTuple):
    """How a family's packet information is asked for and laid out."""

    level: int
    option: int
    kind: int
    interface_at: int  # of the 4 octets that number the interface


_KINDS = {
    socket.AF_INET: _Kind(socket.IPPROTO_IP, IP_PKTINFO, IP_PKTINFO, 0),
    socket.AF_INET6: _Kind(
        socket.IPPROTO_IPV6,
        getattr(socket, "IPV6_RECVPKTINFO", 49),
        getattr(socket, "IPV6_PKTINFO", 50),
        16,
    ),
}


def is_wildcard(sock: socket.socket) -> bool:
    """Return whether a bound socket takes what is sent to any address."""
    return sock.getsockname()[0] in {"0.0.0.0", "::"}


def prepare(sock: socket.socket) -> None:
    """Set what a bound UDP socket needs before it is read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
    patience = struct.pack("@ll", 0, SEND_MICROSECONDS_MAX)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
    sock.setblocking(True)
    if is_wildcard(sock):
        kind = _KINDS[sock.family]
        sock.setsockopt(kind.level, kind.option, 1)


def without_interface(ancillary: list[tuple[int, int, bytes]]) -> Ancillary:
    """Take the interface out of packet information."""
    return tuple(
        (level, kind, data[: of.interface_at] + bytes(4) + data[of.interface_at + 4 :])
        for level, kind, data in ancillary
        for of in _KINDS.values()
        if (level, kind) == (of.level, of.kind)
    )
