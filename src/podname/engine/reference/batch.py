"""Datagrams in batches: one system call receives many, one sends their answers (Linux).

The kernel writes packets and addresses into buffers that are laid out once, and reads the answers from others beside
them; the address of a packet is the address of its answer without ever becoming a Python object.

All handling of C structures in the engine is in this file; every offset is one that ctypes computed.

Sources: recvmmsg(2), sendmmsg(2).
"""

from __future__ import annotations

import ctypes
import errno
import socket

from podname.engine.reference import origin

PACKETS_MAX = 32  # per system call
PACKET_OCTETS_MAX = (
    4096  # a longer query is cut, and malformed by that; a longer answer is sent by itself
)
_ADDRESS_OCTETS = 28  # of a sockaddr_in6, the larger one


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("header", _MsgHdr), ("length", ctypes.c_uint32))


_HEADER_OCTETS = ctypes.sizeof(_MMsgHdr)
_libc = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock: these calls hardly wait
_MSG_DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)


def supported() -> bool:
    """Return whether the platform has the two system calls."""
    return all(hasattr(_libc, call) for call in ("recvmmsg", "sendmmsg")) and _MSG_DONTWAIT != 0


class Batch:
    """The buffers of one socket, and the two system calls on them.

    `packets[n]` is a view of what came in, `outgoing` from `n * PACKET_OCTETS_MAX` on is what goes back to where
    that came from, `answer_lengths[n]` octets of it. `sock` is a blocking one with a send timeout: receiving never
    waits, sending waits for room at most that long.
    """

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        self._fd, self._family, self._wildcard = sock.fileno(), sock.family, wildcard
        self._control_octets = origin.control_octets(sock.family) if wildcard else 0
        incoming = bytearray(PACKETS_MAX * PACKET_OCTETS_MAX)
        self.outgoing = bytearray(PACKETS_MAX * PACKET_OCTETS_MAX)
        self._pin = memoryview(self.outgoing)  # nothing may move it
        self._addresses = bytearray(PACKETS_MAX * _ADDRESS_OCTETS)
        self._control = bytearray(PACKETS_MAX * origin.CONTROL_OCTETS)
        self._address_view = memoryview(self._addresses)
        view = memoryview(incoming)
        self.packets = [view[at : at + PACKET_OCTETS_MAX] for at in self._offsets()]
        self._in_vectors, self._in = self._headers(incoming)
        self._out_vectors, self._out = self._headers(self.outgoing)
        self._out_at = ctypes.addressof(self._out)
        octets = memoryview(self._in).cast("B")
        self._in_octets, self._in_fresh = octets, octets.tobytes()
        length_at = _MMsgHdr.length.offset // 4
        self._in_lengths = octets.cast("I")[length_at :: _HEADER_OCTETS // 4]
        self.answer_lengths = memoryview(self._out_vectors).cast("B").cast("L")[1::2]
        interface_at = origin.interface_at(sock.family) // 4
        words = memoryview(self._control).cast("I")
        self._interfaces = words[interface_at :: origin.CONTROL_OCTETS // 4]
        self._no_interfaces = memoryview(bytes(4 * PACKETS_MAX)).cast("I")

    def receive(self) -> list[int]:
        """Fill `packets` with what waits, and give their lengths. Empty when nothing waits, or on an error."""
        self._in_octets[:] = self._in_fresh  # the kernel overwrote the lengths of the addresses
        count = _libc.recvmmsg(self._fd, self._in, PACKETS_MAX, _MSG_DONTWAIT, None)
        if count <= 0:
            return []
        if self._wildcard:
            self._interfaces[:] = self._no_interfaces
        return self._in_lengths[:count].tolist()

    def send(self, first: int, count: int) -> int:
        """Send `count` answers from number `first` on. Give how many could not be sent."""
        lost = 0
        while count:
            at = ctypes.c_void_p(self._out_at + first * _HEADER_OCTETS)
            sent = _libc.sendmmsg(self._fd, at, count, 0)
            if sent < 0:
                if ctypes.get_errno() == errno.EAGAIN:  # no room, for as long as we would wait
                    return lost + count
                lost, sent = lost + 1, 1  # that one has no way back; the others may
            first, count = first + sent, count - sent
        return lost

    def address(self, number: int) -> origin.Address:
        """Return the address that a packet came from."""
        at = number * _ADDRESS_OCTETS
        return origin.address_from_octets(
            self._family, bytes(self._address_view[at : at + _ADDRESS_OCTETS])
        )

    def origin(self, number: int) -> origin.Origin:
        """Return what an answer to a packet needs once the buffers hold others."""
        at = number * origin.CONTROL_OCTETS
        control = bytes(self._control[at : at + self._control_octets])
        return origin.Origin(
            self.address(number), origin.ancillary_from_octets(self._family, control)
        )

    @staticmethod
    def _offsets() -> range:
        return range(0, PACKETS_MAX * PACKET_OCTETS_MAX, PACKET_OCTETS_MAX)

    def _headers(self, buffer: bytearray) -> tuple[ctypes.Array[_IoVec], ctypes.Array[_MMsgHdr]]:
        vectors, headers = (_IoVec * PACKETS_MAX)(), (_MMsgHdr * PACKETS_MAX)()
        octets, vectors_at = _address(buffer), ctypes.addressof(vectors)
        addresses, control = _address(self._addresses), _address(self._control)
        for number, mmsghdr in enumerate(headers):
            vectors[number].base = octets + number * PACKET_OCTETS_MAX
            vectors[number].length = PACKET_OCTETS_MAX
            header = mmsghdr.header
            header.iov = vectors_at + number * ctypes.sizeof(_IoVec)
            header.iov_length = 1
            header.name = addresses + number * _ADDRESS_OCTETS
            header.name_length = 28 if self._family == socket.AF_INET6 else 16
            if self._wildcard:
                header.control = control + number * origin.CONTROL_OCTETS
                header.control_length = self._control_octets
        return vectors, headers


def _address(buffer: bytearray) -> int:
    """Return where a buffer lies. A bytearray that somebody has a view of is never moved."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
