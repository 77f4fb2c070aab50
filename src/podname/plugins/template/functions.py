"""What Go templates compute with: how values are shown, when they are true, and the functions on them.

Sources: Go text/template funcs.go, exec.go; fmt (`printf`); CoreDNS 1.15.0 plugin/template (`parseInt`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from podname.expression.evaluation import float_text

TEXT_MAX = 65_536
_VERB = re.compile(
    r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?:\.(?P<precision>\d*))?(?P<verb>.?)", re.DOTALL
)
_DIGITS = re.compile(r"[0-9a-zA-Z]+")
_UINT_BITS = 64

Value = Any


class TemplateError(ValueError):
    """A template could not be run on this question."""


class Fields(dict[str, Value]):
    """A struct: it has these fields and no other."""


class Texts(dict[str, str]):
    """A map of texts: `index` finds the empty one for what is not in it."""


def field_of(value: Value, name: str) -> Value:
    """Return a field of a struct, or an entry of a map. Raises TemplateError."""
    if isinstance(value, Fields) and name not in value:
        raise TemplateError(f"there is no field '{name}'")
    if value is not None and not isinstance(value, Mapping):
        raise TemplateError(f"'{name}' of something without fields")
    return None if value is None else value.get(name)


def is_true(value: Value) -> bool:
    """Return whether a value is not empty: Go's truth."""
    return isinstance(value, Fields) or bool(value)


def shown(value: Value) -> str:
    """Return a value as Go prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(printed, value)) + "]"
    if isinstance(value, Fields):
        return "{" + " ".join(map(printed, value.values())) + "}"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{k}:{printed(value[k])}" for k in sorted(value)) + "]"
    return str(value)


def printed(value: Value) -> str:
    """Return a value as `print` does, and as it stands in a list, where nothing is nil."""
    return "<nil>" if value is None else shown(value)


def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        if isinstance(value, Mapping):
            if not isinstance(key, str):
                raise TypeError("value has type int; should be string")
            value = value.get(key, "") if isinstance(value, Texts) else field_of(value, key)
        elif isinstance(key, int) and not isinstance(key, bool) and 0 <= key < len(value):
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise IndexError(f"index out of range: {shown(key)}")
    return value


def _slice(value: Value, *bounds: int) -> Value:
    begin, end = (*bounds, *((0, len(value))[len(bounds) :]))[:2]
    if not 0 <= begin <= end <= len(value):
        raise IndexError("index out of range")
    return value[begin:end]


def _equal(first: Value, *others: Value) -> bool:
    if not others:
        raise TypeError("missing argument for comparison")
    for other in others:
        if first is not None and other is not None:
            _check_comparable(first, other)
    return first in others


def _check_comparable(first: Value, second: Value) -> None:
    if type(first) is not type(second):
        raise TypeError("incompatible types for comparison")
    if not isinstance(first, (str, int, float)):
        raise TypeError("non-comparable type")


def _ordered(test: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    def compare(first: Value, second: Value) -> bool:
        _check_comparable(first, second)
        if isinstance(first, bool):
            raise TypeError("invalid type for comparison")
        return test(first, second)

    return compare


def _length(value: Value) -> int:
    if isinstance(value, Fields):
        raise TypeError("len of a struct")
    return len(value)


def _parse_int(text: str, base: int, bits: int) -> int:
    number = int(text, base)
    if not _DIGITS.fullmatch(text) or number >= 1 << (bits or _UINT_BITS):
        raise ValueError(f'parsing "{text}": value out of range')
    return number


def _print(*values: Value) -> str:
    out = ""
    for number, value in enumerate(values):
        is_apart = number and not isinstance(value, str) and not isinstance(values[number - 1], str)
        out += (" " if is_apart else "") + printed(value)
    return out


def _printf(text: str, *values: Value) -> str:
    rest, left = list(values), TEXT_MAX

    def one(found: re.Match[str]) -> str:
        nonlocal left
        left -= max(int(found["width"] or 0), int(found["precision"] or 0))
        if left < 0:
            raise ValueError("widths that are too large")
        verb = found["verb"]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        return _formatted(found, verb, rest.pop(0)) if rest else f"%!{verb}(MISSING)"

    out = _VERB.sub(one, text)
    extra = ", ".join(f"{_type_of(value)}={shown(value)}" for value in rest)
    return f"{out}%!(EXTRA {extra})" if extra else out


def _formatted(found: re.Match[str], verb: str, value: Value) -> str:
    """Return a value as a verb of `printf` asks for it."""
    flags, width, precision = found["flags"], int(found["width"] or 0), found["precision"]
    digits = None if precision is None else int(precision or 0)
    if isinstance(value, list) and verb != "v":
        return "[" + " ".join(_formatted(found, verb, item) for item in value) + "]"
    if verb == "T":
        return _type_of(value)
    format_one = _FORMATS.get((_type_of(value), verb)) or (printed if verb == "v" else None)
    if format_one is None:
        return f"%!{verb}({_type_of(value)}={shown(value)})"
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(value, str) and digits is not None and verb in "svq":
        value = value[:digits]
    if isinstance(value, float) and verb in "efg":
        text = format(value, f".{6 if digits is None else digits}{verb}")
    else:
        text = format_one(value)
    if isinstance(value, int) and "#" in flags and verb in "xX":
        text = format(value, "#" + verb)
    sign = "+" if "+" in flags else " " if " " in flags else ""
    if is_number and not text.startswith("-"):
        text = sign + text
    if "-" in flags:
        return text.ljust(width)
    return text.zfill(width) if "0" in flags and is_number else text.rjust(width)


def _type_of(value: Value) -> str:
    names = {bool: "bool", int: "int", float: "float64", str: "string"}
    return names.get(type(value), "map" if isinstance(value, Mapping) else "list")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_FORMATS: dict[tuple[str, str], Callable[[Value], str]] = {
    **{("int", verb): lambda value, verb=verb: format(value, verb) for verb in "dxXob"},  # type: ignore[misc]
    ("int", "c"): chr,
    ("int", "q"): lambda value: f"'{chr(value)}'",
    ("string", "s"): str,
    ("string", "q"): _quoted,
    ("string", "x"): lambda value: value.encode("utf-8", "surrogateescape").hex(),
    ("string", "X"): lambda value: value.encode("utf-8", "surrogateescape").hex().upper(),
    ("bool", "t"): shown,
    **{("float64", verb): shown for verb in "efg"},
    ("map", "s"): shown,
}

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "not": lambda value: not is_true(value),
    "eq": _equal,
    "ne": lambda first, second: not _equal(first, second),
    "lt": _ordered(lambda first, second: first < second),
    "le": _ordered(lambda first, second: first <= second),
    "gt": _ordered(lambda first, second: first > second),
    "ge": _ordered(lambda first, second: first >= second),
    "index": _index,
    "slice": _slice,
    "len": _length,
    "print": _print,
    "printf": _printf,
    "println": lambda *values: " ".join(map(printed, values)) + "\n",
    "parseInt": _parse_int,
}
