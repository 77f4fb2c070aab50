"""The functions that expressions have by themselves, without those that loop (`loops`).

Source: expr-lang v1.17.8 builtin.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import chain
from statistics import median
from typing import Any

from podname.expression import types as t
from podname.expression.evaluation import (
    STEP,
    ExpressionError,
    Scope,
    Value,
    at_index,
    expected,
    is_in,
    is_less,
    kind_of,
    octets,
    shown,
    whole,
)
from podname.expression.lexer import BadExpression
from podname.expression.operators import Node
from podname.expression.types import Type

Kinds = tuple[str, ...]
Result = Type | Callable[[Sequence[Type]], Type]

_TEXT, _INT, _NUMBER, _ARRAY, _MAP = ("string",), ("int",), ("int", "float"), ("array",), ("map",)
_ANYTHING = ("any", "nil", "bool", "string", "int", "float", "array", "map", "func")
_WHOLE, _FRACTION = re.compile(r"[+-]?\d+"), re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: Those that ask a clock or read dates.
NOT_YET = frozenset({"now", "date", "duration", "timezone"})


@dataclass(frozen=True, slots=True)
class Function:
    """What a function takes, by position, and what it gives. The last kinds are those of all further arguments."""

    takes: tuple[Kinds, ...]
    result: Result
    apply: Callable[..., Value]
    least: int = -1  # as many as `takes`
    is_open: bool = False


def call(name: str, arguments: Sequence[Node]) -> Node:
    """Make the call of a function. Raises BadExpression."""
    function = FUNCTIONS[name]
    least = len(function.takes) if function.least < 0 else function.least
    if len(arguments) < least:
        raise BadExpression(f"not enough arguments to call {name}")
    if len(arguments) > len(function.takes) and not function.is_open:
        raise BadExpression(f"too many arguments to call {name}")
    kinds = [function.takes[min(at, len(function.takes) - 1)] for at in range(len(arguments))]
    for argument, taken in zip(arguments, kinds, strict=True):
        if not argument.type.may_be(*taken):
            raise BadExpression(f"invalid argument for {name} (type {argument.type})")
    types, runs = [argument.type for argument in arguments], [each.run for each in arguments]
    result = function.result if isinstance(function.result, Type) else function.result(types)

    def run(scope: Scope) -> Value:
        values = [expected(one(scope), *taken) for one, taken in zip(runs, kinds, strict=True)]
        scope.charge_value(*values)
        found = function.apply(scope, *values)
        scope.charge_value(found)
        return found

    return Node(result, run)


def _same(types: Sequence[Type]) -> Type:
    return types[0]


def _element(types: Sequence[Type]) -> Type:
    return t.element_of(types[0])


def _aggregated(types: Sequence[Type]) -> Type:
    return types[0] if all(each.is_number for each in types) else t.ANY


# --------------------------------------------------------------------- texts


def _trim(_: Scope, text: str, characters: str | None = None) -> str:
    return text.strip(characters) if characters != "" else text


def _split(keeps: bool) -> Callable[..., list[str]]:
    def apply(_: Scope, text: str, separator: str, most: int = -1) -> list[str]:
        if most == 0:
            return []
        if not separator:
            parts = list(text) if most < 0 else [*text[: most - 1], text[most - 1 :]]
            return [part for part in parts if part]
        parts = text.split(separator, -1 if most < 0 else most - 1)
        if not keeps:
            return parts
        return [part + separator for part in parts[:-1]] + parts[-1:]

    return apply


def _replace(scope: Scope, text: str, old: str, new: str, most: int = -1) -> str:
    found = text.count(old) if old else len(text) + 1
    scope.charge((found if most < 0 else min(found, most)) * len(new))
    return text.replace(old, new, most)


def _repeat(scope: Scope, text: str, count: int) -> str:
    if count < 0:
        raise ValueError(f"expected positive integer, got {count}")
    scope.charge(len(text) * count)
    return text * count


def _join(scope: Scope, parts: Sequence[Value], glue: str = "") -> str:
    texts = [expected(part, "string") for part in parts]
    scope.charge(sum(map(len, texts)) + len(glue) * len(texts))
    return str(glue).join(texts)


def _last_index_of(text: str, part: str) -> int:
    """Return where a part begins for the last time. `rfind` takes quadratic time, `find` does not."""
    whole_text, octets_of_part = octets(text), octets(part)
    found = whole_text[::-1].find(octets_of_part[::-1])
    return found if found < 0 else len(whole_text) - len(octets_of_part) - found


def _int(_: Scope, value: Value) -> int:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError(f"invalid operation: int({value})")
    return whole(int(value))


def _float(_: Scope, value: Value) -> float:
    if isinstance(value, str) and not _FRACTION.fullmatch(value):
        raise ValueError(f"invalid operation: float({value})")
    return float(value)


def _from_base64(_: Scope, text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "surrogateescape")
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _to_json(_: Scope, value: Value) -> str:
    return json.dumps(_plain(value), indent=2, ensure_ascii=False, sort_keys=True)


def _plain(value: Value) -> Value:
    """Return a value whose numbers without a fraction are whole, as Go writes them."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _from_json(_: Scope, text: str) -> Value:
    return json.loads(text, parse_int=float)


# ------------------------------------------------------------------- numbers


def _round(_: Scope, number: float) -> float:
    return math.copysign(math.floor(abs(number) + 0.5), number)


def _numbers(values: Sequence[Value]) -> Iterator[Any]:
    """Return all numbers in values and in arrays of them."""
    for value in values:
        if isinstance(value, list):
            yield from _numbers(value)
        else:
            yield expected(value, *_NUMBER)


def _extreme(choose: Callable[..., Value]) -> Callable[..., Value]:
    return lambda _, *values: choose(_numbers(values), default=None)


def _mean(_: Scope, *values: Value) -> float:
    numbers = list(_numbers(values))
    return sum(numbers) / len(numbers) if numbers else 0.0


def _median(_: Scope, *values: Value) -> float:
    numbers = list(_numbers(values))
    return float(median(numbers)) if numbers else 0.0


def _bits(apply: Callable[[int, int], int]) -> Function:
    return Function((_INT, _INT), t.INT, lambda _, left, right: whole(apply(left, right)))


def _shift(apply: Callable[[int, int], int]) -> Function:
    def run(left: int, right: int) -> int:
        if right < 0:
            raise ValueError(f"negative shift count {right} (type int)")
        return apply(left, min(right, 64))

    return _bits(run)


# --------------------------------------------------------------- collections


def _get(_: Scope, collection: Value, key: Value) -> Value:
    if isinstance(collection, Mapping):
        return collection.get(key) if isinstance(key, str) else None
    if collection is None:
        return None
    try:
        return at_index(expected(collection, "array"), key)
    except ExpressionError:
        return None


def _take(_: Scope, array: list[Value], count: int) -> list[Value]:
    if count < 0:
        raise IndexError("slice index out of range")
    return array[:count]


def _unique(scope: Scope, array: list[Value]) -> list[Value]:
    found: list[Value] = []
    for item in array:
        if not is_in(scope, item, found):
            found.append(item)
    return found


def _flattened(scope: Scope, array: list[Value]) -> list[Value]:
    found: list[Value] = []
    for item in array:
        found += _flattened(scope, item) if isinstance(item, list) else [item]
    return found


def _from_pairs(_: Scope, pairs: list[Value]) -> dict[str, Value]:
    if any(kind_of(pair) != "array" or len(pair) != 2 for pair in pairs):
        raise ValueError("invalid pair")
    return {expected(key, "string"): value for key, value in pairs}


def sort(
    scope: Scope,
    array: Sequence[Value],
    order: str = "asc",
    key: Callable[[Value], Value] = lambda item: item,
) -> list[Value]:
    """Return the items in the order of their keys. Raises ExpressionError."""
    if order not in {"asc", "desc"}:
        raise ExpressionError(f"invalid order {order}, expected asc or desc")

    def compare(left: Value, right: Value) -> int:
        first, second = key(left), key(right)
        scope.charge(STEP)
        scope.charge_value(first, second)
        return is_less(second, first) - is_less(first, second)

    return sorted(array, key=cmp_to_key(compare), reverse=order == "desc")


def _text(apply: Callable[..., Value], count: int = 1, result: Type = t.STRING) -> Function:
    return Function((_TEXT,) * count, result, lambda _, *texts: apply(*texts))


_TEXTS = t.array_of(t.STRING)
_LIST = t.array_of(t.ANY)
_SOME = ("array", "map", "string")
FUNCTIONS: dict[str, Function] = {
    "len": Function((_SOME,), t.INT, lambda _, value: len(value)),
    "string": Function((_ANYTHING,), t.STRING, lambda _, value: shown(value)),
    "int": Function((("int", "float", "string"),), t.INT, _int),
    "float": Function((("int", "float", "string"),), t.FLOAT, _float),
    "type": Function((_ANYTHING,), t.STRING, lambda _, value: kind_of(value)),
    # Texts.
    "trim": Function((_TEXT, _TEXT), t.STRING, _trim, least=1),
    "trimPrefix": Function(
        (_TEXT, _TEXT), t.STRING, lambda _, text, part=" ": text.removeprefix(part), least=1
    ),
    "trimSuffix": Function(
        (_TEXT, _TEXT), t.STRING, lambda _, text, part=" ": text.removesuffix(part), least=1
    ),
    "upper": _text(str.upper),
    "lower": _text(str.lower),
    "split": Function((_TEXT, _TEXT, _INT), _TEXTS, _split(keeps=False), least=2),
    "splitAfter": Function((_TEXT, _TEXT, _INT), _TEXTS, _split(keeps=True), least=2),
    "replace": Function((_TEXT, _TEXT, _TEXT, _INT), t.STRING, _replace, least=3),
    "repeat": Function((_TEXT, _INT), t.STRING, _repeat),
    "join": Function((_ARRAY, _TEXT), t.STRING, _join, least=1),
    "indexOf": _text(lambda text, part: octets(text).find(octets(part)), 2, t.INT),
    "lastIndexOf": _text(_last_index_of, 2, t.INT),
    "hasPrefix": _text(str.startswith, 2, t.BOOL),
    "hasSuffix": _text(str.endswith, 2, t.BOOL),
    "toBase64": _text(lambda text: base64.b64encode(octets(text)).decode()),
    "fromBase64": Function((_TEXT,), t.STRING, _from_base64),
    "toJSON": Function((_ANYTHING,), t.STRING, _to_json),
    "fromJSON": Function((_TEXT,), t.ANY, _from_json),
    # Numbers.
    "abs": Function((_NUMBER,), _same, lambda _, number: abs(number)),
    "ceil": Function((_NUMBER,), t.FLOAT, lambda _, number: float(math.ceil(number))),
    "floor": Function((_NUMBER,), t.FLOAT, lambda _, number: float(math.floor(number))),
    "round": Function((_NUMBER,), t.FLOAT, _round),
    "max": Function((("int", "float", "array"),), _aggregated, _extreme(max), is_open=True),
    "min": Function((("int", "float", "array"),), _aggregated, _extreme(min), is_open=True),
    "mean": Function((("int", "float", "array"),), _aggregated, _mean, is_open=True),
    "median": Function((("int", "float", "array"),), _aggregated, _median, is_open=True),
    "bitand": _bits(lambda left, right: left & right),
    "bitor": _bits(lambda left, right: left | right),
    "bitxor": _bits(lambda left, right: left ^ right),
    "bitnand": _bits(lambda left, right: left & ~right),
    "bitshl": _shift(lambda left, right: left << right),
    "bitshr": _shift(lambda left, right: left >> right),
    "bitushr": _shift(lambda left, right: (left % (1 << 64)) >> right),
    "bitnot": Function((_INT,), t.INT, lambda _, number: ~number),
    # Collections.
    "first": Function((_ARRAY,), _element, lambda _, array: array[0] if array else None),
    "last": Function((_ARRAY,), _element, lambda _, array: array[-1] if array else None),
    "get": Function((("array", "map", "nil"), _ANYTHING), t.ANY, _get),
    "take": Function((_ARRAY, _INT), _same, _take),
    "keys": Function((_MAP,), _LIST, lambda _, found: list(found)),
    "values": Function((_MAP,), _LIST, lambda _, found: list(found.values())),
    "toPairs": Function((_MAP,), _LIST, lambda _, found: [list(pair) for pair in found.items()]),
    "fromPairs": Function((_ARRAY,), t.MAP, _from_pairs),
    "reverse": Function((_ARRAY,), _LIST, lambda _, array: array[::-1]),
    "uniq": Function((_ARRAY,), _LIST, _unique),
    "concat": Function((_ARRAY,), _LIST, lambda _, *arrays: [*chain(*arrays)], is_open=True),
    "flatten": Function((_ARRAY,), _LIST, _flattened),
    "sort": Function((_ARRAY, _TEXT), _LIST, sort, least=1),
}
