"""Make the best of an object that is not what its kind promises: keep the parts that are right, drop the others.

The typed decoder refuses a whole object for one wrong type. Here such an object is read without types, and then each
part is held against its shape: a part that does not fit becomes null, an item of a list that does not fit is left out.
Slow, and only for objects that the fast way refuses.

Source: msgspec `convert`; what json allows and Go does not write (lone surrogates, control characters) is read too.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from podname.kube.part import alternatives

S = TypeVar("S", bound=msgspec.Struct)

#: What decoding of bytes that somebody sent us can raise.
DECODE_ERRORS = (msgspec.DecodeError, ValueError, RecursionError)


def scrub(raw: bytes, shape: type[S]) -> S | None:
    """Read JSON leniently as a `shape`; None when it is no JSON object."""
    try:
        value = json.loads(raw.decode("utf-8", "replace"), strict=False, parse_constant=str)
    except DECODE_ERRORS:
        return None
    return fit(value, shape)


def fit(value: object, shape: type[S]) -> S | None:
    """Make a `shape` of what fits it in an untyped value; None when that is no mapping."""
    fitted = _fit(value, shape)
    return fitted if isinstance(fitted, shape) else None


def _fit(value: object, kind: Any) -> Any:
    """Return what of `value` is of the type `kind`, None when nothing is."""
    if len(kinds := alternatives(kind)) == 1:
        (kind,) = kinds
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _fit_struct(value, kind) if isinstance(value, dict) else None
    if get_origin(kind) is list:
        (item,) = get_args(kind)
        fitted = [_fit(each, item) for each in value] if isinstance(value, list) else []
        return [each for each in fitted if each is not None]
    try:
        return msgspec.convert(_plain(value), kind)
    except (msgspec.ValidationError, ValueError):
        return None


def _fit_struct(value: dict[Any, object], kind: type[msgspec.Struct]) -> msgspec.Struct:
    hints = get_type_hints(kind)
    return kind(
        **{
            field.name: _fit(value[field.encode_name], hints[field.name])
            for field in msgspec.structs.fields(kind)
            if field.encode_name in value
        }
    )


def _plain(value: object) -> object:
    """A text that could not be written as UTF-8 could not be logged either: its surrogates become `?`."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
