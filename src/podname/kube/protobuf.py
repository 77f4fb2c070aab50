"""A watch in protobuf, turned into the lines that it would be in JSON: the few fields that names need.

A frame is four octets of length and a WatchEvent: a type, and an object in an envelope (four octets of magic, then a
runtime.Unknown with the kind and the object's octets). The work over octets is the native module's: where that was not
built JSON is asked for, which msgspec reads faster than Python reads protobuf. Tests have a reference in Python that
it equals.

An answer in protobuf begins with the length of its first frame, below 2^24, so with a zero octet, as no JSON does: by
that it is told from an answer of a server, or a proxy, that speaks only JSON.

Sources: protobuf.dev, "Encoding"; Kubernetes API concepts, "Protobuf encoding"; apimachinery serializer/protobuf.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from podname.errors import KubeError
from podname.kube.linestream import LineStream
from podname.kube.wireformat import STATUS, Unnumbered, plain, watched

try:
    from podname._core import Transcoder as NativeTranscoder
except ImportError:
    NativeTranscoder = None  # type: ignore[assignment,misc]  # where it was not built

_HEAD_OCTETS = 4


class Malformed(KubeError):
    """The API server sent a frame that is no event."""


class Lines(Protocol):
    """Turns the octets of frames into lines."""

    def lines(self, octets: bytes) -> tuple[list[bytes], int]:
        """Return a line for each whole frame, and how many octets they took. Raises ValueError."""


class Frames:
    """Feed it octets as they come; it gives the lines of the frames that they complete."""

    def __init__(self, transcoder: Lines) -> None:
        self._transcoder = transcoder
        self._pieces: list[bytes] = []  # of the frame that is not complete
        self._missing_octets = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the complete lines. Raises Malformed."""
        self._pieces.append(chunk)
        self._missing_octets -= len(chunk)
        if self._missing_octets > 0:
            return []
        octets = b"".join(self._pieces)
        try:
            lines, taken = self._transcoder.lines(octets)
        except ValueError as error:
            raise Malformed(f"the watch is no protobuf that we know: {error}") from error
        rest = octets[taken:]
        self._pieces = [rest]
        self._missing_octets = int.from_bytes(rest[:_HEAD_OCTETS], "big") + _HEAD_OCTETS - len(rest)
        return lines


def stream_of(first: bytes, transcoder: Lines | None) -> Frames | LineStream:
    """Return what reads an answer that begins with these octets."""
    return Frames(transcoder) if transcoder and first[:1] == b"\x00" else LineStream()


def transcoder_of(shape: type[Struct]) -> Lines | None:
    """Make the transcoder of what is read of a kind; None where that cannot be had in protobuf."""
    if NativeTranscoder is None:
        return None
    try:
        return NativeTranscoder(plain(watched(shape)), plain(STATUS))
    except Unnumbered:
        return None
