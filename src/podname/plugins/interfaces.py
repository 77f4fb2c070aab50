"""The addresses of this machine's network interfaces, asked of the kernel.

Sources: rtnetlink(7): RTM_GETADDR, struct ifaddrmsg; RFC 4007 §11 (zone ids of link-local addresses).
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from struct import Struct

from podname.dns.addresses import parse

_HEADER = Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port id
_ADDRESS = Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
_ATTRIBUTE = Struct("=HH")  # struct rtattr: length, type
_RTM_NEWADDR, _RTM_GETADDR, _NLMSG_DONE, _NLMSG_ERROR = 20, 22, 3, 2
_REQUEST_DUMP = 0x1 | 0x300
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_SCOPE_LINK = 253
_BUFFER_OCTETS = 1 << 16


def interface_addresses() -> dict[str, list[str]]:
    """Return the addresses of each interface by its name; none when the kernel does not tell."""
    names = dict(socket.if_nameindex())
    found: dict[str, list[str]] = {name: [] for name in names.values()}
    try:
        for index, address, link_local in _dump():
            if name := names.get(index):
                found[name].append(f"{address}%{name}" if link_local else address)
    except OSError:
        return {}
    return found


def _dump() -> Iterator[tuple[int, str, bool]]:
    """Return each address with its interface's index, and whether it is IPv6 and needs a zone."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        length = _HEADER.size + _ADDRESS.size
        netlink.send(
            _HEADER.pack(length, _RTM_GETADDR, _REQUEST_DUMP, 1, 0) + _ADDRESS.pack(0, 0, 0, 0, 0)
        )
        while True:
            octets, at = netlink.recv(_BUFFER_OCTETS), 0
            while at < len(octets):
                length, kind, *_ = _HEADER.unpack_from(octets, at)
                if kind in {_NLMSG_DONE, _NLMSG_ERROR}:
                    return
                if kind == _RTM_NEWADDR:
                    yield _address(octets[at + _HEADER.size : at + length])
                at += _aligned(length)


def _address(message: bytes) -> tuple[int, str, bool]:
    family, _, _, scope, index = _ADDRESS.unpack_from(message)
    attributes, at = {}, _ADDRESS.size
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        attributes[kind] = message[at + _ATTRIBUTE.size : at + length]
        at += _aligned(length)
    # On a point-to-point link IFA_ADDRESS is the other end's.
    octets = attributes.get(_IFA_LOCAL) or attributes[_IFA_ADDRESS]
    text = socket.inet_ntop(family, octets)
    return index, text, family == socket.AF_INET6 and scope == _SCOPE_LINK


def _aligned(length: int) -> int:
    return length + 3 & ~3


def own_addresses(hosts: Iterable[str]) -> tuple[bytes, ...]:
    """Return the addresses, as octets, that others reach a listener on `hosts` by; '' is every address.

    Loopback addresses are nobody else's. In sorted order.
    """
    texts = [text for host in hosts for text in ([host] if host else _every_address())]
    found = {parse(text.partition("%")[0]) for text in texts}
    return tuple(sorted(address for address in found if address and not _is_loopback(address)))


def _every_address() -> list[str]:
    return [text for texts in interface_addresses().values() for text in texts]


def _is_loopback(address: bytes) -> bool:
    return address[0] == 127 if len(address) == 4 else address == bytes(15) + b"\x01"
