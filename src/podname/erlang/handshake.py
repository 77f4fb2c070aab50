"""The beginning of a distribution handshake: does a node listen, under which name, with our cookie.

We come as a hidden node under a name of our own, so nobody's connection is disturbed, and leave as soon as the other
side has acknowledged the cookie, or refused it. Without a cookie we leave before that. A wrong cookie makes the
other node log one line.

Sources: Erlang/OTP "Distribution Protocol", Distribution Handshake (version 6); lib/kernel dist_util.erl,
lib/ssl inet_tls_dist.erl (lengths of four octets).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
import struct
from dataclasses import dataclass

from podname.erlang.epmd import reason
from podname.erlang.names_of_certificate import names_of

SECONDS = 5.0

# Everything that OTP 23 to 28 insists on. We never get as far as to be sent what they promise; hidden: not published.
_FLAGS = (
    0x4  # extended references
    | 0x10  # fun tags
    | 0x80  # new fun tags
    | 0x100  # extended pids and ports
    | 0x200  # export pointer tag
    | 0x400  # bit binaries
    | 0x800  # new floats
    | 0x10000  # UTF-8 atoms
    | 0x20000  # map tag
    | 0x40000  # big creation
    | 0x1000000  # handshake 23
    | 0x2000000  # unlink id
    | 0x4000000  # mandatory of OTP 25, as one flag
    | 1 << 34  # v4 node container
)
_TLS_ALERT = 0x15
_MESSAGE_OCTETS_MAX = 65535


@dataclass(frozen=True)
class Handshake:
    """The beginning of a distribution handshake."""

    port: int
    is_tls: bool = False
    error: str = ""  # no connection, or no node
    status: str = ""
    node: str = ""  # what it calls itself
    cookie_accepted: bool | None = None


@dataclass(frozen=True)
class Certificate:
    """The names in a node's certificate; `error` when it could not be read."""

    names: tuple[str, ...] = ()
    error: str = ""


class _NotPlain(Exception):
    """What listens there does not speak the plain protocol."""


class _Messages:
    """Messages with their lengths before them: of two octets, over TLS of four."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, length_octets: int
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._length_octets = length_octets

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._writer.write(len(message).to_bytes(self._length_octets, "big") + message)

    async def receive(self) -> bytes:
        """Receive a message. Raises _NotPlain when there is none, or a TLS alert."""
        try:
            head = await self._reader.readexactly(self._length_octets)
            length = int.from_bytes(head, "big")
            if head[0] == _TLS_ALERT or length > _MESSAGE_OCTETS_MAX:
                raise _NotPlain
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            raise _NotPlain from None


async def probe(
    address: str, port: int, own: str, secret: str | None, host: str, *, tls_first: bool = False
) -> tuple[Handshake, Certificate | None]:
    """Begin a handshake as the node `own`; over TLS when the other side speaks that."""
    try:
        if not tls_first:
            return await _plain(address, port, own, secret), None
    except _NotPlain:
        pass
    except TimeoutError:
        return Handshake(port, error=f"no answer in {SECONDS:g} s"), None
    except OSError as error:
        return Handshake(port, error=reason(error)), None
    return await _over_tls(address, port, own, secret, host)


async def _plain(address: str, port: int, own: str, secret: str | None) -> Handshake:
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(address, port)
        try:
            return await _shake(_Messages(reader, writer, 2), Handshake(port), own, secret)
        finally:
            writer.transport.abort()


async def _over_tls(
    address: str, port: int, own: str, secret: str | None, host: str
) -> tuple[Handshake, Certificate | None]:
    begun = Handshake(port, is_tls=True)
    try:
        async with asyncio.timeout(SECONDS):
            reader, writer = await asyncio.open_connection(
                address, port, ssl=_context(), server_hostname=host
            )
            try:
                certificate = _certificate(writer)
                try:
                    messages = _Messages(reader, writer, 4)
                    return await _shake(messages, begun, own, secret), certificate
                except (_NotPlain, OSError):  # it wants a certificate of ours, and we have none
                    return begun, certificate
            finally:
                writer.transport.abort()
    except TimeoutError:
        error = f"no answer in {SECONDS:g} s, neither plain nor over TLS"
    except ssl.SSLError as failure:
        error = f"it speaks neither the distribution protocol nor TLS: {failure.reason or failure}"
    except OSError as failure:
        error = reason(failure)
    return Handshake(port, error=error), None


def _context() -> ssl.SSLContext:
    """Trust anybody: what counts are the names in the certificate, and who is trusted is the nodes' own affair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _certificate(writer: asyncio.StreamWriter) -> Certificate:
    octets = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
    try:
        return Certificate(names_of(octets))
    except ValueError as error:
        return Certificate(error=str(error))


async def _shake(messages: _Messages, begun: Handshake, own: str, secret: str | None) -> Handshake:
    """Send our name; read a status and a challenge; answer it when there is a cookie. Raises _NotPlain, OSError."""
    messages.send(name_message(own))
    status = await messages.receive()
    if status[:1] != b"s":
        raise _NotPlain
    said = status[1:].decode("latin-1")
    if not said.startswith(("ok", "alive", "named")):
        return Handshake(begun.port, begun.is_tls, status=said)
    challenge, node = read_challenge(await messages.receive())
    accepted = None if secret is None else await _is_accepted(messages, challenge, secret)
    return Handshake(begun.port, begun.is_tls, "", said, node, accepted)


async def _is_accepted(messages: _Messages, challenge: int, secret: str) -> bool:
    """Answer a challenge; who finds the answer wrong hangs up."""
    ours = int.from_bytes(os.urandom(4), "big")
    messages.send(b"r" + struct.pack("!I", ours) + digest(challenge, secret))
    try:
        acknowledged = await messages.receive()
    except (_NotPlain, ConnectionError):
        return False
    return acknowledged == b"a" + digest(ours, secret)


def name_message(own: str) -> bytes:
    """Write the first message: who we are."""
    name = own.encode("latin-1", "replace")
    return struct.pack("!cQIH", b"N", _FLAGS, 1, len(name)) + name


def read_challenge(message: bytes) -> tuple[int, str]:
    """Read a challenge and the name of the node that sends it. Raises _NotPlain."""
    try:
        tag, _flags, challenge, _creation, length = struct.unpack_from("!cQIIH", message)
    except struct.error:
        raise _NotPlain from None
    if tag != b"N":
        raise _NotPlain
    return challenge, message[19 : 19 + length].decode("latin-1")


def digest(challenge: int, secret: str) -> bytes:
    """Answer a challenge with the cookie; the protocol says MD5."""
    octets = secret.encode("utf-8", "surrogateescape") + str(challenge).encode()
    return hashlib.md5(octets, usedforsecurity=False).digest()
