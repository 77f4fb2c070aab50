"""The lines of a watch, split at line feeds of octets and nothing else.

Not `str.splitlines`, which also splits at U+0085 and others that JSON leaves as they are, so that anybody who may write
an annotation could break an event in two; and no reader with a small limit for a line, which one large object exceeds.

Source: Kubernetes API concepts: a watch is a stream of JSON documents, one a line.
"""

from __future__ import annotations

from podname.errors import KubeError
from podname.kube.itemstream import OBJECT_OCTETS_MAX


class LineStream:
    """Feed it octets as they come; it gives the lines that they complete."""

    def __init__(self, octets_max: int = OBJECT_OCTETS_MAX) -> None:
        self._octets_max = octets_max
        self._pieces: list[bytes] = []  # of the line that is not complete
        self._octets = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the complete lines. Raises KubeError when a line never ends."""
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if lines:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
            self._pieces, self._octets = [], 0
        self._keep(rest)
        return lines

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._octets += len(piece)
        if self._octets > self._octets_max:
            raise KubeError(f"a line of the watch is over {self._octets_max} octets")
