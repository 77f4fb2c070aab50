"""A part of one of Kubernetes' types: a type with only the fields that a consumer needs.

::

    POD = part(types.Pod, "metadata { name labels { app } } status { podIPs { ip } }")

The fields are called as in JSON. One without braces is taken whole. Of a map from texts to texts, braces name the keys
that are kept; then it has `get` and nothing else of a mapping. What was not taken is no attribute of the part.

msgspec skips what a part does not name without making anything of it, which is what makes a pod of ten kilobytes cost
ten microseconds. A field more costs for every object of the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from msgspec import Struct, defstruct, field
from msgspec.structs import fields

S = TypeVar("S", bound=Struct)

Wanted = dict[str, Any]  # name: what is wanted of it, all of it if that is empty

_WORD = re.compile(r"[{}]|[^\s{}]+")
_PUNCTUATION = re.compile(r"\W")


def part(whole: type[S], wanted: str) -> type[S]:
    """Return a type with these fields of `whole`. Raises KeyError for a field that it does not have."""
    return _struct(whole, _tree(iter(_WORD.findall(wanted))))


def object_part(whole: type[S], wanted: str = "") -> type[S]:
    """Return a part of what has metadata: with what tells one object, and its versions, from another."""
    return part(whole, f"metadata {{ name namespace resourceVersion }} {wanted}")


def alternatives(hint: Any) -> tuple[Any, ...]:
    """Return the types that a hint such as `Annotated[str | None, 1]` allows besides None."""
    if hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    if getattr(hint, "__origin__", None) in {list, dict} or not get_args(hint):
        return (hint,)
    return tuple(each for each in get_args(hint) if each is not type(None))


def _tree(words: Iterator[str]) -> Wanted:
    tree: Wanted = {}
    last = ""
    for word in words:
        if word == "}":
            break
        if word == "{":
            tree[last].update(_tree(words))
        else:
            tree.setdefault(word, {})
            last = word
    return tree


def _struct(whole: type[S], wanted: Wanted) -> type[S]:
    hints = get_type_hints(whole, include_extras=True)
    attributes = {each.encode_name: each.name for each in fields(whole)}
    members = [
        (attributes[name], _hint(hints[attributes[name]], inner), field(default=None, name=name))
        for name, inner in wanted.items()
    ]
    return defstruct(whole.__name__, members, gc=False)  # type: ignore[return-value]  # of fields


def _hint(hint: Any, wanted: Wanted) -> Any:
    """Narrow what a field holds."""
    if not wanted:
        return hint
    (kind,) = alternatives(hint)
    narrowed: Any
    if getattr(kind, "__origin__", None) is list:
        narrowed = list[_struct(get_args(kind)[0], wanted)]  # type: ignore[misc]  # made just now
    elif getattr(kind, "__origin__", None) is dict:
        narrowed = _map(wanted)
    else:
        narrowed = _struct(kind, wanted)
    numbers = getattr(hint, "__metadata__", ())
    return Annotated[(narrowed | None, *numbers)] if numbers else narrowed | None


class Keys(Struct, gc=False):
    """A map of which some keys are kept."""

    def get(self, key: str) -> str | None:
        """Return what a key stands for."""
        return getattr(self, _attribute(key))  # type: ignore[no-any-return]  # a text or None


def _map(keys: Wanted) -> type[Keys]:
    members = [(_attribute(key), str | None, field(default=None, name=key)) for key in keys]
    return defstruct("Keys", members, bases=(Keys,), gc=False)  # type: ignore[return-value]


@cache
def _attribute(key: str) -> str:
    return _PUNCTUATION.sub("_", key)
