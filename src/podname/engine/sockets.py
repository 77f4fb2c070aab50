"""Sockets of a listener: UDP and TCP on one port, for each address family that its host stands for.

A wildcard address is bound once for IPv4 and once for IPv6, as far as the system has them.

Of several sockets of ours on one port the most specific address gets what is sent to it: one on 127.0.0.1 may stand
beside one on every address. A socket of another process is in the way, as ever.

Sources: RFC 1035 §4.2; socket(7) SO_REUSEPORT; ipv6(7) IPV6_V6ONLY.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import weakref
from typing import Any

from podname.runtime import privilege

_FREE_PORT_TRIES = 20
_NO_SUCH_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}

Pair = tuple[socket.socket, socket.socket]  # of datagrams, and a stream's

#: The TCP sockets that were bound here, to tell ours from those of other processes.
_ours: weakref.WeakSet[socket.socket] = weakref.WeakSet()


def bind_streams(host: str, port: int) -> list[socket.socket]:
    """Bind TCP alone, for each family that a host stands for. Raises OSError."""
    with contextlib.ExitStack() as undo:
        streams: list[socket.socket] = []
        for address in _addresses(host):
            try:
                streams.append(_bind_stream(address, port, undo))
            except OSError as error:
                if not (len(_addresses(host)) > 1 and error.errno in _NO_SUCH_FAMILY):
                    raise
                continue
            port = streams[0].getsockname()[1]
        if not streams:
            raise OSError(errno.EAFNOSUPPORT, "neither IPv4 nor IPv6 is there")
        undo.pop_all()
    return streams


def _addresses(host: str) -> tuple[str, ...]:
    return ("0.0.0.0", "::") if host in {"", "::"} else (host,)


def _bind_stream(address: str, port: int, undo: contextlib.ExitStack) -> socket.socket:
    numeric = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    family, *_, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=numeric)[0]
    stream = undo.enter_context(_stream(family))
    if _may_stand_beside((where[0], port, *where[2:])):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    privilege.bind(stream, where)
    _let_others_stand_beside(stream)
    _ours.add(stream)
    return stream


def _stream(family: int) -> socket.socket:
    stream = socket.socket(family, socket.SOCK_STREAM)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        stream.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return stream


def _let_others_stand_beside(sock: socket.socket) -> None:
    """From here on a socket of ours that asks for it may be bound to the port, too."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def bind(host: str, port: int, *, share: bool = False) -> list[Pair]:
    """Bind UDP and TCP to one port, any free one when 0 is asked for. Raises OSError.

    `host` is an address; the empty one and `::` stand for every address of both families. With `share`, further UDP
    sockets can be bound there (`share_of`).
    """
    for _ in range(_FREE_PORT_TRIES):
        try:
            return _bind_once(host, port, share=share)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _bind_once(host, port, share=share)


def _bind_once(host: str, port: int, *, share: bool) -> list[Pair]:
    """Bind every family of a host, all to one port: the one that the first got, if any will do."""
    pairs: list[Pair] = []
    with contextlib.ExitStack() as undo:
        for address in _addresses(host):
            try:
                pairs.append(_bind_pair(address, port, undo, share=share))
            except OSError as error:
                if not (len(_addresses(host)) > 1 and error.errno in _NO_SUCH_FAMILY):
                    raise
                continue
            port = pairs[0][0].getsockname()[1]
        if not pairs:
            raise OSError(errno.EAFNOSUPPORT, "neither IPv4 nor IPv6 is there")
        undo.pop_all()
    return pairs


def _bind_pair(address: str, port: int, undo: contextlib.ExitStack, *, share: bool) -> Pair:
    numeric = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    family, *_, where = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=numeric)[0]
    datagrams = undo.enter_context(socket.socket(family, socket.SOCK_DGRAM))
    stream = undo.enter_context(_stream(family))
    if family == socket.AF_INET6:
        datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if beside := _may_stand_beside((where[0], port, *where[2:])):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if share or beside:
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    privilege.bind(datagrams, where)
    privilege.bind(stream, (where[0], datagrams.getsockname()[1], *where[2:]))
    for sock in (datagrams, stream):
        _let_others_stand_beside(sock)
    _ours.add(stream)
    return datagrams, stream


def _may_stand_beside(where: tuple[Any, ...]) -> bool:
    """Return whether sockets of this process listen on the port, but not on the address."""
    bound = [sock.getsockname() for sock in _ours if sock.fileno() >= 0]
    return where not in bound and any(other[1] == where[1] for other in bound)


def share_of(datagrams: socket.socket) -> socket.socket:
    """Bind one more UDP socket where a shared one is bound; the kernel spreads the clients. Raises OSError."""
    another = socket.socket(datagrams.family, socket.SOCK_DGRAM)
    try:
        if datagrams.family == socket.AF_INET6:
            another.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        privilege.bind(another, datagrams.getsockname())
    except OSError:
        another.close()
        raise
    return another
