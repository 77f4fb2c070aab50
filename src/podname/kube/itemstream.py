"""Lists as they come: each item is decoded as soon as its last octet is here, the list is never held as a whole.

A list of a hundred thousand pods is a gigabyte of JSON. It reads `{…,"metadata":{…},"items":[{…},{…},…]}`, so the work
is to find where an item ends:

1. Guess: an item ends where the next one begins, at `},` followed by what the first item began with. The guess is
   checked by decoding: octets that are a complete JSON object from an item's first octet on are that item.
2. If there is no such guess, or what is there does not decode, count brackets outside of texts. Slow and sure.

An item that still does not decode costs itself: it is handed to `rescue`.

Source: RFC 8259; Kubernetes API conventions, "Lists and Simple kinds".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from podname.errors import KubeError
from podname.kube.scrub import DECODE_ERRORS
from podname.kube.types import ListHead

R = TypeVar("R")

#: Above what etcd stores in one object (1.5 MiB, at most 10 by configuration): an object or a line that is longer
#: is an error of the stream.
OBJECT_OCTETS_MAX = 16 * 1024 * 1024

_ITEMS = re.compile(rb'"items"\s*:\s*(\[|null)')
_BETWEEN = re.compile(rb"[\s,]*")
_FIRST_KEY = re.compile(rb'\{\s*"[A-Za-z]+"\s*:').match
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
_AFTER_WORD = re.compile(rb"[,\]}\s]")
_HEAD = msgspec.json.Decoder(ListHead)
_GROWTH = 1.5
#: So long an item may be before brackets are counted while more octets are still to come.
_PATIENCE_OCTETS = 256 * 1024


class ItemStream(Generic[R]):
    """Feed it the octets of a list as they come, then `finish`; both give what `decode` makes of each item."""

    def __init__(
        self,
        decode: Callable[[bytes], R],
        rescue: Callable[[bytes], R],
        octets_max: int = OBJECT_OCTETS_MAX,
    ) -> None:
        self.head = ListHead()  # what stood around the items, known after `finish`
        self._decode = decode
        self._rescue = rescue
        self._octets_max = octets_max
        self._buffer = b""
        self._pieces: list[bytes] = []  # what came after it and was not looked at
        self._octets = 0  # of both
        self._around = b""
        self._read = self._before_items
        self._separator = b""
        self._wait_for_octets = 0
        self._patience_octets = _PATIENCE_OCTETS

    def feed(self, chunk: bytes) -> Iterator[R]:
        """Take more octets; give the items that they complete. Raises KubeError when one never ends."""
        self._pieces.append(chunk)
        self._octets += len(chunk)
        if self._octets >= self._wait_for_octets:
            self._join()
            yield from self._read()
            self._octets = len(self._buffer)
        if self._octets > self._octets_max:
            raise KubeError(f"an object of the list is over {self._octets_max} octets")

    def finish(self) -> Iterator[R]:
        """Return the last items and read the head. Raises KubeError when the list broke off."""
        self._patience_octets = 0
        self._join()
        yield from self._read()
        if self._read != self._after_items:
            raise KubeError("the list broke off")
        try:
            self.head = _HEAD.decode(self._around + self._buffer)
        except DECODE_ERRORS as error:
            raise KubeError(f"the list is no list: {self._around[:80]!r}") from error

    def _join(self) -> None:
        self._buffer = b"".join([self._buffer, *self._pieces])
        self._pieces = []

    def _before_items(self) -> Iterator[R]:
        found = _ITEMS.search(self._buffer)
        if found is None:
            return
        is_list = found[1] == b"["
        self._around = self._buffer[: found.start(1)] + (b"[]" if is_list else b"null")
        self._buffer = self._buffer[found.end() :]
        self._read = self._items if is_list else self._after_items
        yield from self._read()

    def _items(self) -> Iterator[R]:
        at, buffer = 0, self._buffer
        while True:
            at = _BETWEEN.match(buffer, at).end()  # type: ignore[union-attr]  # it matches nothing too
            if buffer[at : at + 1] == b"]":
                self._read, at = self._after_items, at + 1
                break
            found = self._item(buffer, at)
            if found is None:
                break
            result, at = found
            yield result
        self._buffer = buffer[at:]
        self._wait_for_octets = int(len(self._buffer) * _GROWTH)  # not to look again at every chunk

    def _item(self, buffer: bytes, at: int) -> tuple[R, int] | None:
        """Return the item that begins at `at` and where it ends; None when its end is not here yet."""
        if not self._separator and (key := _FIRST_KEY(buffer, at)):
            self._separator = b"}," + key[0]
        end = buffer.find(self._separator, at) + 1 if self._separator else 0
        if end:
            try:
                return self._decode(buffer[at:end]), end
            except DECODE_ERRORS:
                pass  # the guess was wrong, or the item is odd: count brackets
        elif self._separator and len(buffer) - at < self._patience_octets:
            return None
        end = end_of_value(buffer, at)
        if not end:
            return None
        raw = buffer[at:end]
        try:
            return self._decode(raw), end
        except DECODE_ERRORS:
            return self._rescue(raw), end

    def _after_items(self) -> Iterator[R]:
        yield from ()


def end_of_value(buffer: bytes, at: int) -> int:
    """Find where the JSON value that begins at `at` ends, by counting brackets; 0 when its end is not here yet."""
    depth = 0
    if buffer[at : at + 1] not in {b"{", b"[", b'"'}:  # a number or a word
        found = _AFTER_WORD.search(buffer, at)
        return max(found.start(), at + 1) if found else 0
    for token in _TOKEN.finditer(buffer, at):
        octet = buffer[token.start()]
        if octet in b"{[":
            depth += 1
        elif octet in b"}]":
            depth -= 1
        elif token.end() - token.start() == 1:  # a quote without its partner
            return 0
        if depth == 0:
            return token.end()
    return 0
