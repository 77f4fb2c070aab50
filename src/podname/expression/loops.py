"""The functions that run a part of an expression for each item of an array: `any`, `filter`, `reduce`.

In that part `#` is the item; each step is charged for, by the length of the part.

Source: expr-lang v1.17.8 checker `builtinNode`, compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from podname.expression import types as t
from podname.expression.evaluation import (
    STEP,
    ExpressionError,
    Frame,
    Run,
    Scope,
    Value,
    expected,
    shown,
)
from podname.expression.functions import sort
from podname.expression.lexer import BadExpression
from podname.expression.operators import Node
from podname.expression.types import Type

_WORD = 4  # what a word of the part costs at each step

#: An item, its place and what the part that is run for it gives.
Step = tuple[Value, int, Value]


class Loop(NamedTuple):
    """One function: what it gives for the type of the array and of the part, and how."""

    result: Callable[[Type, Type], Type]
    apply: Callable[[Iterable[Step]], Value]
    is_test: bool = True  # whether the part says yes or no
    needs_part: bool = True
    backwards: bool = False


def loop(name: str, collection: Node, part: Node | None, more: Node | None, words: int) -> Node:
    """Make the call of a function that loops; `words` are those of the part. Raises BadExpression."""
    cost = STEP + words * _WORD
    if name == "reduce":
        return _reduce(collection, part, more, cost)
    if name == "sortBy":
        return _sort_by(collection, part, more, cost)
    found = LOOPS[name]
    if part and found.is_test and not part.type.may_be("bool"):
        raise BadExpression(f"predicate should return boolean (got {part.type})")
    items, run_part = collection.run, part.run if part else _item
    result = found.result(collection.type, part.type if part else t.element_of(collection.type))
    kinds = ("bool",) if found.is_test else ()

    def run(scope: Scope) -> Value:
        depth = len(scope.frames)
        value = found.apply(
            _steps(scope, items(scope), run_part, kinds, cost=cost, backwards=found.backwards)
        )
        del scope.frames[depth:]
        return value

    return Node(result, run)


def _steps(
    scope: Scope,
    items: Value,
    part: Run,
    kinds: tuple[str, ...] = (),
    *,
    cost: int,
    backwards: bool = False,
) -> Iterator[Step]:
    expected(items, "array")
    frame = Frame()
    scope.frames.append(frame)
    places = range(len(items))
    for index in reversed(places) if backwards else places:
        scope.charge(cost)
        frame.item, frame.index = items[index], index
        found = part(scope)
        scope.charge_value(found)
        yield frame.item, index, expected(found, *kinds) if kinds else found


def _item(scope: Scope) -> Value:
    return scope.frames[-1].item


def _reduce(collection: Node, part: Node | None, initial: Node | None, cost: int) -> Node:
    assert part is not None  # noqa: S101 - the parser demands it

    def run(scope: Scope) -> Value:
        items, frame = list(expected(collection.run(scope), "array")), Frame()
        depth, first = len(scope.frames), 0
        scope.frames.append(frame)
        if initial is not None:
            frame.accumulated = initial.run(scope)
        elif items:
            frame.accumulated, first = items[0], 1
        else:
            raise ExpressionError("reduce of empty array with no initial value")
        for index in range(first, len(items)):
            scope.charge(cost)
            frame.item, frame.index = items[index], index
            frame.accumulated = part.run(scope)
        del scope.frames[depth:]
        return frame.accumulated

    return Node(part.type, run)


def _sort_by(collection: Node, part: Node | None, order: Node | None, cost: int) -> Node:
    assert part is not None  # noqa: S101 - the parser demands it
    if order is not None and not order.type.may_be("string"):
        raise BadExpression(f"sortBy order argument must be a string (got {order.type})")

    def run(scope: Scope) -> Value:
        depth = len(scope.frames)
        steps = list(_steps(scope, collection.run(scope), part.run, cost=cost))
        del scope.frames[depth:]
        chosen = expected(order.run(scope), "string") if order else "asc"
        return [item for item, _, _ in sort(scope, steps, chosen, lambda step: step[2])]

    return Node(collection.type, run)


def _grouped(steps: Iterable[Step]) -> Value:
    groups: dict[str, list[Value]] = {}
    for item, _, key in steps:
        groups.setdefault(key if isinstance(key, str) else shown(key), []).append(item)
    return groups


def _summed(steps: Iterable[Step]) -> Value:
    total = 0
    for _, _, number in steps:
        total += expected(number, "int", "float")
    return total


_BOOL: Callable[[Type, Type], Type] = lambda _, __: t.BOOL  # noqa: E731
_INT: Callable[[Type, Type], Type] = lambda _, __: t.INT  # noqa: E731
_FOUND: Callable[[Type, Type], Type] = lambda array, _: t.element_of(array)  # noqa: E731


def _first_item(steps: Iterable[Step]) -> Value:
    return next((item for item, _, found in steps if found), None)


def _first_index(steps: Iterable[Step]) -> Value:
    return next((index for _, index, found in steps if found), None)


LOOPS = {
    "all": Loop(_BOOL, lambda steps: all(found for _, _, found in steps)),
    "none": Loop(_BOOL, lambda steps: not any(found for _, _, found in steps)),
    "any": Loop(_BOOL, lambda steps: any(found for _, _, found in steps)),
    "one": Loop(_BOOL, lambda steps: sum(found for _, _, found in steps) == 1),
    "filter": Loop(
        lambda array, _: t.array_of(t.element_of(array)),
        lambda steps: [item for item, _, found in steps if found],
    ),
    "map": Loop(
        lambda _, part: t.array_of(part),
        lambda steps: [found for _, _, found in steps],
        is_test=False,
    ),
    "count": Loop(_INT, lambda steps: sum(found for _, _, found in steps), needs_part=False),
    "sum": Loop(lambda _, part: part, _summed, is_test=False, needs_part=False),
    "find": Loop(_FOUND, _first_item),
    "findLast": Loop(_FOUND, _first_item, backwards=True),
    "findIndex": Loop(_INT, _first_index),
    "findLastIndex": Loop(_INT, _first_index, backwards=True),
    "groupBy": Loop(lambda _, __: t.MAP, _grouped, is_test=False),
    "sortBy": Loop(_FOUND, list, is_test=False),
    "reduce": Loop(_FOUND, list, is_test=False),
}
