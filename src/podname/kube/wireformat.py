"""What of the API's protobuf is read: the fields of a part of a type, by number, and what they are called in JSON.

An API server writes an object as protobuf at a quarter of what JSON costs it, in half the octets. What we need of it is
turned into the few JSON fields that a part names, so that everything behind reads one language.

A message is a mapping from field number to JSON name and kind: `str`, `int`, `bool`, another message, a list of one of
them (repeated), or a set of texts (a map, of which these keys are kept).

Sources: the `generated.proto` files of k8s.io/api and k8s.io/apimachinery, whose numbers stand in `podname.kube.types`.
"""

from __future__ import annotations

from typing import Any, get_args, get_origin, get_type_hints

from msgspec import Struct
from msgspec.structs import fields

from podname.kube import types
from podname.kube.part import Keys, alternatives, part

Message = dict[int, tuple[str, Any]]

#: The object of a BOOKMARK event: a resource version, and whether all that was there has been sent (KEP-3157).
BOOKMARK = part(
    types.PartialObjectMetadata,
    "metadata { resourceVersion annotations { k8s.io/initial-events-end } }",
)


class Unnumbered(LookupError):
    """A field has no number, or cannot be made into JSON by its number alone."""


def message_of(shape: type[Struct]) -> Message:
    """Return the fields of a type by number. Raises Unnumbered."""
    hints = get_type_hints(shape, include_extras=True)
    return {
        _number(hints[each.name]): (each.encode_name, _content(hints[each.name]))
        for each in fields(shape)
    }


def watched(shape: type[Struct]) -> Message:
    """Return what is read of the events of a watch: of objects, and of bookmarks. Raises Unnumbered."""
    return _joined(message_of(shape), message_of(BOOKMARK))  # type: ignore[no-any-return]


def plain(message: Message) -> list[tuple[int, str, str, bool, Any, list[str]]]:
    """Spell a message for the transcoder: number, name, kind, whether it is repeated, inner message, keys."""
    out = []
    for number in sorted(message):
        name, kind = message[number]
        is_repeated = isinstance(kind, list)
        kind = kind[0] if is_repeated else kind
        inner = plain(kind) if isinstance(kind, dict) else []
        keys = sorted(kind) if isinstance(kind, set) else []
        word = kind.__name__ if isinstance(kind, type) else type(kind).__name__
        out.append((number, name, word, is_repeated, inner, keys))
    return out


def _number(hint: Any) -> int:
    for number in getattr(hint, "__metadata__", ()):
        return int(number)
    raise Unnumbered


def _content(hint: Any) -> Any:
    kind, *others = alternatives(hint)
    if others or get_origin(kind) is dict:
        raise Unnumbered  # a union is a message of its own, and a whole map is not transcoded
    if get_origin(kind) is list:
        return [_content(get_args(kind)[0])]
    if issubclass(kind, Keys):
        return {each.encode_name for each in fields(kind)}
    return message_of(kind) if issubclass(kind, Struct) else kind


def _joined(one: Any, other: Any) -> Any:
    """Return what either of two messages, or of two sets of keys, names."""
    if isinstance(one, set):
        return one | other
    if isinstance(one, dict):
        both = {
            number: (name, _joined(one[number][1], kind)) if number in one else (name, kind)
            for number, (name, kind) in other.items()
        }
        return one | both
    return one


STATUS = message_of(types.Status)
"""What the object of an ERROR event is."""
