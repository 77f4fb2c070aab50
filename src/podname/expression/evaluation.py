"""What an expression has at hand while it runs, and how values behave: Go's numbers, texts and equality.

An expression is run for each question, on the event loop. Its length bounds what it does, save for loops and for values
that grow; those are charged for, and one that costs too much fails. A value costs what it has in it, each time that it
is looked through: of a few arrays that hold one another twice a huge one is made.

Source: expr-lang v1.17.8 vm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from typing import Any

Value = Any

#: What a run may cost, where a character costs one, and what a step of a loop and an item of a value cost.
COST_MAX = 64_000
STEP, ITEM = 32, 16
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
class Budget:
    """What a run has cost until now."""

    cost: int = field(default=0, kw_only=True)

    def charge(self, cost: int) -> None:
        """Count what something costs. Raises ExpressionError when it is too much."""
        self.cost += cost
        if self.cost > COST_MAX:
            raise ExpressionError("it takes too long")

    def charge_value(self, *values: Value) -> None:
        """Count values that are made or looked through, with all that is in them."""
        left = list(values)
        while left:
            value = left.pop()
            if isinstance(value, str):
                self.charge(len(value))
            elif isinstance(value, list):
                self.charge(len(value) * ITEM)
                left += value
            elif isinstance(value, Mapping):
                self.charge(2 * len(value) * ITEM)
                left += chain(value, value.values())


@dataclass(slots=True)
class Scope(Budget):
    """One run."""

    environment: Mapping[str, Value]
    variables: dict[str, Value] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)


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


def is_in(scope: Scope, item: Value, array: Sequence[Value]) -> bool:
    """Return whether an array has an item."""
    for each in array:
        scope.charge(ITEM)
        scope.charge_value(each)
        if are_equal(each, item):
            return True
    return False


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
