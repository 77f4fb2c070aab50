"""From the octets of the API to flat objects: an item of a list, or a line of a watch.

Hostile text never costs the others. An object that the typed decoder refuses is read leniently (`scrub`), what is bad
in an object is dropped (`flatten`), and an object that cannot be named is skipped: each with one warning per version
of that object. What comes out of here as an exception is Gone or KubeError for the API server's own ERROR events, and
`BrokenLine`.

Sources: Kubernetes API concepts, "Efficient detection of changes" (events, bookmarks, 410).
"""

from __future__ import annotations

import logging
from typing import Any, Generic

import msgspec

from podname.errors import Gone, KubeError
from podname.kube.events import Apply, Delete, Event, Progress
from podname.kube.flatten import Faults, key_of
from podname.kube.kinds import Kind, T
from podname.kube.scrub import DECODE_ERRORS, scrub
from podname.kube.types import ObjectMeta, Status
from podname.kube.wireformat import BOOKMARK

logger = logging.getLogger(__name__)

_WARNED_MAX = 1_000


class BrokenLine(KubeError):
    """The API server sent a line that is no event."""


class _EventType(msgspec.Struct, gc=False):
    type: str | None = None


_BOOKMARK_EVENT: Any = msgspec.defstruct("BookmarkEvent", [("object", BOOKMARK | None, None)])


class _ErrorEvent(msgspec.Struct, gc=False):
    object: Status | None = None


class Decoder(Generic[T]):
    """Reads the objects of one kind. `errors` counts the objects that were not as promised."""

    def __init__(self, kind: Kind[T]) -> None:
        self.kind = kind
        self.errors = 0
        event = msgspec.defstruct(
            f"{kind.name}Event",
            [("type", str), ("object", kind.shape)],
            gc=False,
        )
        self._item: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind.shape)
        self._event: msgspec.json.Decoder[Any] = msgspec.json.Decoder(event)
        self._lenient_event: Any = msgspec.defstruct(
            f"Lenient{kind.name}Event",
            [("object", kind.shape | None, None)],
        )
        self._faults: Faults = []
        self._warned: set[tuple[str, int]] = set()

    def item(self, raw: bytes) -> T | None:
        """Read an item of a list; None when it cannot be named.

        Raises one of DECODE_ERRORS when it is not as promised.
        """
        return self._flat(self._item.decode(raw))

    def rescue_item(self, raw: bytes) -> T | None:
        """Read an item that `item` refuses; None when nothing can be made of it."""
        shape = scrub(raw, self.kind.shape)
        found = self._flat(shape)
        self._odd("a part has the wrong type" if found else "no object with a name", shape)
        return found

    def event(self, line: bytes) -> Event[T]:
        """Read a line of a watch.

        Raises Gone or KubeError for an ERROR event, BrokenLine for a line that is none.
        """
        try:
            decoded = self._event.decode(line)
        except DECODE_ERRORS:
            return self._lenient(line)
        return self._told(decoded.type, decoded.object, line)

    def _lenient(self, line: bytes) -> Event[T]:
        event_type = scrub(line, _EventType)
        if event_type is None or event_type.type is None:
            self.errors += 1
            raise BrokenLine(f"a line of the watch is no event: {line[:80]!r}")
        shape = None
        if event_type.type in {"ADDED", "MODIFIED", "DELETED"}:
            lenient = scrub(line, self._lenient_event)
            shape = lenient and lenient.object
            self._odd("a part has the wrong type", shape)
        return self._told(event_type.type, shape, line)

    def _told(self, event_type: str, shape: Any, line: bytes) -> Event[T]:
        match event_type:
            case "ADDED" | "MODIFIED":
                flat, version = self._flat(shape), version_of(shape and shape.metadata)
                return Progress(version) if flat is None else Apply(flat.key, version, flat)
            case "DELETED":
                metadata = shape and shape.metadata
                key = key_of(self.kind.name, metadata)
                return Delete(key, version_of(metadata)) if key else Progress(version_of(metadata))
            case "BOOKMARK":
                return _bookmark(line)
            case "ERROR":
                raise _error(line)
        logger.warning("%s: unknown type of event %.80r", self.kind.plural, event_type)
        return Progress(0)

    def _flat(self, shape: Any) -> T | None:
        metadata = shape and shape.metadata
        key = key_of(self.kind.name, metadata)
        if key is None:
            self._odd("its namespace or name cannot be a name in DNS: skipped", shape)
            return None
        flat: T = self.kind.flatten(shape, self._faults)
        if self._faults:
            self._odd("; ".join(self._faults[:5]), shape)
            self._faults.clear()
        return flat

    def _odd(self, what: str, shape: Any) -> None:
        """Count an object that is not as promised, and say so once for each of its versions."""
        metadata: ObjectMeta = (shape and shape.metadata) or ObjectMeta()
        name = f"{metadata.namespace or ''}/{metadata.name or ''}"[:512]
        seen = (name, version_of(metadata))
        if seen in self._warned:
            return
        self.errors += 1
        if len(self._warned) >= _WARNED_MAX:
            self._warned.clear()
        self._warned.add(seen)
        logger.warning("%s %s: %s", self.kind.name, name, what)


def version_of(metadata: ObjectMeta | None) -> int:
    """A resource version as a number, 0 when it is none."""
    text = metadata.resource_version if metadata else None
    return int(text) if text and text.isdecimal() and text.isascii() and len(text) <= 20 else 0


def _bookmark(line: bytes) -> Progress:
    event = scrub(line, _BOOKMARK_EVENT)
    metadata = event and event.object and event.object.metadata
    annotations = metadata and metadata.annotations
    ends = annotations and annotations.get("k8s.io/initial-events-end")
    return Progress(version_of(metadata or None), ends == "true")


def _error(line: bytes) -> KubeError:
    event = scrub(line, _ErrorEvent)
    status = (event and event.object) or Status()
    message = f"{status.reason or 'error'}: {status.message or 'no message'}"[:300]
    code = status.code or 0
    return Gone(message) if code == 410 or status.reason == "Expired" else KubeError(message, code)
