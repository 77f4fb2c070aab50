"""The reference of the native transcoder: what `rust/src/protobuf.rs` does, in Python.

Unknown fields are skipped by their wire type. Of a field that comes twice the last counts, as the specification says;
repeated ones are collected.

Sources: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from podname.kube import types
from podname.kube.itemstream import OBJECT_OCTETS_MAX
from podname.kube.kinds import KINDS
from podname.kube.part import alternatives
from podname.kube.wireformat import Message, watched

_VARINT, _FIXED64, _OCTETS, _FIXED32 = 0, 1, 2, 5
_VARINT_OCTETS_MAX = 10
_MAGIC = b"k8s\x00"
_HEAD_OCTETS = 4
_EVENT: Message = {1: ("type", str), 2: ("object", {1: ("raw", bytes)})}
_UNKNOWN: Message = {1: ("typeMeta", {2: ("kind", str)}), 2: ("raw", bytes)}
_ENTRY: Message = {1: ("key", str), 2: ("value", str)}

#: What podname reads of the kinds that names are made of.
MESSAGES = {name: watched(kind.shape) for name, kind in KINDS.items()}

Value = int | bytes


class Transcoder:
    """Turns the frames of one kind's watch into lines of JSON."""

    def __init__(self, message: Message, status: Message) -> None:
        self._object, self._status = message, status

    def lines(self, octets: bytes) -> tuple[list[bytes], int]:
        """Return a line for each whole frame, and how many octets they took. Raises ValueError."""
        lines, at = [], 0
        while at + _HEAD_OCTETS <= len(octets):
            size = int.from_bytes(octets[at : at + _HEAD_OCTETS], "big")
            if size > OBJECT_OCTETS_MAX:
                raise ValueError("a frame that is too long")
            begin = at + _HEAD_OCTETS
            if begin + size > len(octets):
                break
            at = begin + size
            lines.append(self._line(octets[begin:at]))
        return lines, at

    def _line(self, frame: bytes) -> bytes:
        event = read(frame, _EVENT)
        raw = event.get("object", {}).get("raw", b"")
        if not raw.startswith(_MAGIC):
            raise ValueError("an object without its envelope")
        unknown = read(raw[len(_MAGIC) :], _UNKNOWN)
        is_status = unknown.get("typeMeta", {}).get("kind") == "Status"
        message = self._status if is_status else self._object
        line = {"type": event.get("type", ""), "object": read(unknown.get("raw", b""), message)}
        return msgspec.json.encode(line)


def read(octets: bytes, message: Message) -> dict[str, Any]:
    """Read a message into a mapping, in the order of its fields' numbers. Raises ValueError."""
    came: dict[int, list[Value]] = {}
    for number, value in fields_of(octets):
        if number in message and isinstance(value, int) == (
            _inner(message[number][1]) in {int, bool}
        ):
            came.setdefault(number, []).append(value)
    out: dict[str, Any] = {}
    for number in sorted(came):
        name, kind = message[number]
        if isinstance(kind, list):
            out[name] = [_value(each, kind[0]) for each in came[number]]
        elif isinstance(kind, set):
            if kept := _map(came[number], kind):
                out[name] = kept
        else:
            out[name] = _value(came[number][-1], kind)
    return out


def fields_of(octets: bytes) -> list[tuple[int, Value]]:
    """List the fields that have a number or octets. Raises ValueError."""
    fields: list[tuple[int, Value]] = []
    at = 0
    while at < len(octets):
        key, at = _varint(octets, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field without a number")
        if wire_type == _VARINT:
            value, at = _varint(octets, at)
            fields.append((number, value))
        elif wire_type == _OCTETS:
            size, at = _varint(octets, at)
            fields.append((number, octets[at : at + size]))
            at += size
        elif wire_type in {_FIXED64, _FIXED32}:
            at += 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError("a wire type that is none")
        if at > len(octets):
            raise ValueError("a field that is cut")
    return fields


def everything_of(shape: type[msgspec.Struct]) -> Message:
    """Return all fields of a type that have a number, to write objects as an API server does."""
    hints = get_type_hints(shape, include_extras=True)
    return {
        hints[each.name].__metadata__[0]: (each.encode_name, _kind(*alternatives(hints[each.name])))
        for each in msgspec.structs.fields(shape)
        if hasattr(hints[each.name], "__metadata__")
    }


def _kind(hint: Any) -> Any:
    if get_origin(hint) is dict:
        return set()
    if get_origin(hint) is list:
        return [_kind(get_args(hint)[0])]
    return everything_of(hint) if issubclass(hint, msgspec.Struct) else hint


#: What an API server writes, as far as any consumer here reads it.
EVERYTHING = {
    kind.__name__: everything_of(kind)
    for kind in (types.Namespace, types.Service, types.EndpointSlice, types.Pod, types.Status)
}


def frame_of(kind: str, event_type: str, octets: bytes) -> bytes:
    """Put the octets of an object into an envelope, an event and a frame."""
    unknown = write({"typeMeta": {"kind": kind}, "raw": octets}, _UNKNOWN)
    event = write({"type": event_type, "object": {"raw": _MAGIC + unknown}}, _EVENT)
    return len(event).to_bytes(_HEAD_OCTETS, "big") + event


def write(values: Any, message: Message) -> bytes:
    """Write what of a JSON object (a mapping) a message names, as protobuf."""
    out = []
    for number, (name, kind) in message.items():
        value = values.get(name)
        if isinstance(kind, set):
            entries = [{"key": key, "value": text} for key, text in (value or {}).items()]
            out += [_field(number, write(entry, _ENTRY)) for entry in entries]
        elif isinstance(kind, list):
            out += [_field(number, _octets_of(each, kind[0])) for each in value or ()]
        elif value is not None:
            out.append(_field(number, _octets_of(value, kind)))
    return b"".join(out)


def _octets_of(value: Any, kind: Any) -> int | bytes:
    if isinstance(kind, dict):
        return write(value, kind)
    return value.encode() if kind is str else value  # type: ignore[no-any-return]


def _field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint_of(number << 3 | _VARINT) + _varint_of(value)
    return _varint_of(number << 3 | _OCTETS) + _varint_of(len(value)) + value


def _varint_of(value: int) -> bytes:
    value, out = value & 0xFFFFFFFFFFFFFFFF, bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes((value,))


def _inner(kind: Any) -> Any:
    """Return what a field holds, as something to compare with."""
    inner = kind[0] if isinstance(kind, list) else kind
    return inner if isinstance(inner, type) else type(inner)


def _value(value: Value, kind: Any) -> Any:
    if isinstance(value, int):
        return value != 0 if kind is bool else value - (1 << 64) * (value >> 63)
    if isinstance(kind, dict):
        return read(value, kind)
    return value if kind is bytes else value.decode("utf-8", "replace")


def _map(entries: list[Value], keys: set[str]) -> dict[str, str]:
    read_entries = [read(entry, _ENTRY) for entry in entries if isinstance(entry, bytes)]
    pairs = [(entry.get("key", ""), entry.get("value", "")) for entry in read_entries]
    return {key: value for key, value in pairs if key in keys}


def _varint(octets: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits an octet, the lowest first; give where it ends."""
    value = 0
    for number in range(_VARINT_OCTETS_MAX):
        if at >= len(octets):
            raise ValueError("a number that is cut")
        octet = octets[at]
        at += 1
        value |= (octet & 0x7F) << 7 * number
        if octet < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise ValueError("a number that does not end")
