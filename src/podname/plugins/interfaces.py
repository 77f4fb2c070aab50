"""The addresses of this machine's network interfaces.

Sources: getifaddrs(3); RFC 4007 §11 (zone ids of link-local addresses).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

import ifaddr

from podname.dns.addresses import parse


def interface_addresses() -> dict[str, list[str]]:
    """Return the addresses of each interface by its name; none when the kernel does not tell."""
    try:
        adapters = ifaddr.get_adapters(include_unconfigured=True)
    except OSError:
        return {}
    return {each.name: [_text(ip, each.name) for ip in each.ips] for each in adapters}


def _text(ip: ifaddr.IP, interface: str) -> str:
    text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
    is_link_local = ip.is_IPv6 and ip_address(text).is_link_local
    return f"{text}%{interface}" if is_link_local else text


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
