"""A connection to the API server through the proxy that a kubeconfig's `proxy-url` names.

An `http` proxy is asked with CONNECT, for servers with and without TLS; a `socks5` one is given the host's name, so
that it resolves it. Either may want a user and a password.

Sources: RFC 9110 §9.3.6 (CONNECT); RFC 1928 and RFC 1929 (SOCKS5); client-go rest `Config.Proxy`.
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from podname.errors import KubeError

_PORTS = {"http": 80, "socks5": 1080}
_HEAD_OCTETS_MAX = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[^\r\n]*")
_REFUSALS = {
    1: "general failure",
    2: "not allowed",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "connection refused",
    6: "it took too long",
}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's kind and place, and how to be let in."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        """Write it without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Read a URL. Raises KubeError that says what is taken."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise KubeError(f"`proxy-url` {url!r} is no URL") from None
        if parts.scheme not in _PORTS or not host:
            raise KubeError(
                f"`proxy-url` {url!r} is not supported: http://HOST:PORT and socks5://HOST:PORT are"
            )
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], user, password)

    async def connect(self, host: str, port: int) -> socket.socket:
        """Open a connection to a host behind it. Raises OSError when the proxy does not, KubeError with its reason."""
        opened = await self._open()
        try:
            if self.scheme == "socks5":
                await self._socks(opened, host, port)
            else:
                await self._tunnel(opened, host, port)
        except BaseException:
            opened.close()
            raise
        return opened

    async def _open(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        for at, (family, kind, protocol, _, address) in enumerate(found, 1):
            opened = socket.socket(family, kind, protocol)
            opened.setblocking(False)
            try:
                await loop.sock_connect(opened, address)
            except BaseException as error:
                opened.close()
                if not isinstance(error, OSError):
                    raise
                if at == len(found):
                    raise KubeError(f"the proxy {self} cannot be reached: {error}") from error
            else:
                return opened
        raise KubeError(f"the proxy {self} has no address")

    async def _tunnel(self, opened: socket.socket, host: str, port: int) -> None:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self.user:
            secret = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {secret}")
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(opened, "\r\n".join([*lines, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):  # octet by octet: what follows is not the proxy's
            head += await self._read(opened, 1)
            if len(head) > _HEAD_OCTETS_MAX:
                raise KubeError(f"the proxy {self} does not speak HTTP")
        status = _STATUS.match(head)
        if status is None or status[1][:1] != b"2":
            said = head.split(b"\r\n")[0][:100].decode("ascii", "replace")
            raise KubeError(f"the proxy {self} does not connect to {target}: {said!r}")

    async def _socks(self, opened: socket.socket, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        method = 2 if self.user else 0
        await loop.sock_sendall(opened, bytes([5, 1, method]))
        if await self._read(opened, 2) != bytes([5, method]):
            wanted = "no user and password" if self.user else "a connection without a password"
            raise KubeError(f"the proxy {self} is no SOCKS5 proxy that takes {wanted}")
        if self.user:
            await loop.sock_sendall(opened, b"\x01" + _sized(self.user) + _sized(self.password))
            if (await self._read(opened, 2))[1]:
                raise KubeError(f"the proxy {self} refuses the user or the password")
        await loop.sock_sendall(opened, b"\x05\x01\x00" + _address(host) + port.to_bytes(2, "big"))
        _, refused, _, kind = await self._read(opened, 4)
        if refused:
            reason = _REFUSALS.get(refused, f"code {refused}")
            raise KubeError(f"the proxy {self} does not connect to {host}:{port}: {reason}")
        length = {1: 4, 4: 16}.get(kind) or (await self._read(opened, 1))[0]
        await self._read(opened, length + 2)

    async def _read(self, opened: socket.socket, octets: int) -> bytes:
        loop = asyncio.get_running_loop()
        data = b""
        while len(data) < octets:
            more = await loop.sock_recv(opened, octets - len(data))
            if not more:
                raise KubeError(f"the proxy {self} ended the connection")
            data += more
        return data


def _address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return b"\x03" + _sized(host)
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def _sized(text: str) -> bytes:
    octets = text.encode()
    if len(octets) > 255:
        raise KubeError("a name for a SOCKS5 proxy has more than 255 octets")
    return bytes([len(octets)]) + octets
