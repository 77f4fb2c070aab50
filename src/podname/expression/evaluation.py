"""What an expression has at hand while it runs, and how values behave: Go's numbers, texts and equality.

An expression is run for each question, on the event loop. Its length bounds what it does, save for loops and for values
that grow; those are charged for, and one that costs too much fails.

Source: expr-lang v1.17.8 vm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Value = Any

#: One is a step of a loop, or so many characters or items of a value that is made or looked through.
COST_MAX = 2000
_UNITS_EACH, _COMPARED_EACH = 32, 4
_BITS = 64
_EXPONENT_LEAST = 6  # from here on Go writes an exponent


class ExpressionError(ValueError):
    """An expression could not be run on this question."""


@dataclass(slots=True)
class Frame:
    """Where a loop is."""

    item: Value = None
    index: int = 0
    accumulated: Value = None


@dataclass(slots=True)
class Scope:
    """One run."""

    environment: Mapping[str, Value]
    variables: dict[str, Value] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    cost: int = 0

    def charge(self, steps: int = 1) -> None:
        """Count steps. Raises ExpressionError when there are too many."""
        self.cost += steps
        if self.cost > COST_MAX:
            raise ExpressionError("it takes too long")

    def charge_size(self, size: int) -> None:
        """Count a value of so many characters or items."""
        self.charge(size // _UNITS_EACH)

    def charge_compared(self, count: int) -> None:
        """Count values that another one is compared with, one by one."""
        self.charge(count // _COMPARED_EACH)


Run = Callable[[Scope], Value]


def whole(number: int) -> int:
    """Return a number as 64 bits hold it."""
    return (number + (1 << _BITS - 1)) % (1 << _BITS) - (1 << _BITS - 1)


def kind_of(value: Value) -> str:
    """Return the kind of a value, as types name it."""
    if value is None:
        return "nil"
    kinds: Iterable[tuple[type | tuple[type, ...], str]] = (
        *((bool, "bool"), (int, "int"), (float, "float"), (str, "string")),
        *(((list, tuple), "array"), (Mapping, "map")),
    )
    return next((name for python, name in kinds if isinstance(value, python)), "func")


def expected(value: Value, *kinds: str) -> Value:
    """Return a value that has one of the kinds. Raises ExpressionError."""
    if kind_of(value) not in kinds:
        raise ExpressionError(f"expected {' or '.join(kinds)}, found {kind_of(value)}")
    return value


def are_equal(left: Value, right: Value) -> bool:
    """Return whether two values are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(are_equal, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(are_equal(left[k], right[k]) for k in left)
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def is_less(left: Value, right: Value) -> bool:
    """Return whether one number or text comes before another."""
    expected(left, "int", "float", "string")
    expected(right, *(("string",) if isinstance(left, str) else ("int", "float")))
    return bool(octets(left) < octets(right) if isinstance(left, str) else left < right)


def octets(text: str) -> bytes:
    """Return the octets of a text: Go compares and cuts those."""
    return text.encode("utf-8", "surrogateescape")


def cut(value: Value, start: Value, end: Value) -> Value:
    """Return a part of a text or an array; negative numbers count from its end."""
    expected(value, "string", "array")
    whole_value: Sequence[Value] | bytes = octets(value) if isinstance(value, str) else value
    length = len(whole_value)
    first, last = (
        max(0, length + at if at < 0 else at)
        for at in (expected(start, "int"), expected(length if end is None else end, "int"))
    )
    last = min(last, length)
    part = whole_value[min(first, last) : last]
    return part.decode("utf-8", "surrogateescape") if isinstance(part, bytes) else part


def at_index(array: Sequence[Value], index: Value) -> Value:
    """Return an item; negative numbers count from the end. Raises ExpressionError."""
    expected(index, "int")
    if not -len(array) <= index < len(array):
        raise ExpressionError(f"index out of range: {index} (array length is {len(array)})")
    return array[index]


def shown(value: Value) -> str:
    """Return a value as Go prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(shown, value)) + "]"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{shown(k)}:{shown(value[k])}" for k in sorted(value)) + "]"
    return str(value)


def float_text(number: float) -> str:
    """Return a number with a fraction as Go's %v does: the shortest that reads back."""
    if math.isnan(number) or math.isinf(number):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(number)]
    shortest = Decimal(repr(number)).normalize()
    exponent = shortest.adjusted() if number else 0
    if -5 < exponent < _EXPONENT_LEAST:
        return f"{shortest:f}"
    return f"{shortest.scaleb(-exponent):f}e{exponent:+03d}"
