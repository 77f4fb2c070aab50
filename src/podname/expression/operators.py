"""The operators: what types they take, what they give, and how they are run.

Source: expr-lang v1.17.8 parser/operator, checker `binaryNode`, vm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from podname.corefile.regexp import BadPattern, Regexp
from podname.expression import types as t
from podname.expression.evaluation import (
    STEP,
    ExpressionError,
    Run,
    Scope,
    Value,
    are_equal,
    expected,
    is_in,
    is_less,
    whole,
)
from podname.expression.lexer import BadExpression
from podname.expression.types import Type

#: How strongly a binary operator binds; those of 100 bind to the right.
PRECEDENCE = {
    **dict.fromkeys(("or", "||"), 10),
    **dict.fromkeys(("and", "&&"), 15),
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">=", "in", "matches", "contains"), 20),
    **dict.fromkeys(("startsWith", "endsWith"), 20),
    "..": 25,
    **dict.fromkeys("+-", 30),
    **dict.fromkeys("*/%", 60),
    **dict.fromkeys(("**", "^"), 100),
    "??": 500,
}
UNARY_PRECEDENCE = {"not": 50, "!": 50, "-": 90, "+": 90}
#: The operators that `not` may stand before.
NEGATED = frozenset({"in", "matches", "contains", "startsWith", "endsWith"})
COMPARISONS = frozenset({"<", ">", "<=", ">="})
_SAME = {"||": "or", "&&": "and", "^": "**"}
_NUMBER, _TEXT = ("int", "float"), ("string",)
#: What a character costs that is searched, and one of a regular expression that is made while the expression runs.
_SEARCH, _COMPILE = 8, 1000


class Node(NamedTuple):
    """A part of an expression: its type, and what runs it. `constant` is the text that it is."""

    type: Type
    run: Run
    constant: str | None = None


def unary(operator: str, operand: Node) -> Node:
    """Make `not x`, `-x`, `+x`. Raises BadExpression."""
    run, kinds = operand.run, ("bool",) if operator in {"not", "!"} else _NUMBER
    if not operand.type.may_be(*kinds):
        raise BadExpression(f"invalid operation: {operator} (mismatched type {operand.type})")
    if kinds == ("bool",):
        return Node(t.BOOL, lambda scope: not expected(run(scope), "bool"))
    if operator == "+":
        return Node(operand.type, lambda scope: expected(run(scope), *_NUMBER))
    return Node(operand.type, lambda scope: _negative(expected(run(scope), *_NUMBER)))


def binary(operator: str, left: Node, right: Node) -> Node:
    """Make `left operator right`. Raises BadExpression when the types do not fit."""
    operator = _SAME.get(operator, operator)
    result = _result(operator, left.type, right.type)
    if result is None:
        types = f"mismatched types {left.type} and {right.type}"
        raise BadExpression(f"invalid operation: {operator} ({types})")
    if operator in _SHORT:
        return Node(result, _SHORT[operator](left.run, right.run))
    if operator == "matches" and right.constant is not None:
        return Node(result, _matches(left.run, right.constant))
    apply, first, second = _APPLY[operator], left.run, right.run
    return Node(result, lambda scope: apply(scope, first(scope), second(scope)))


def _result(operator: str, left: Type, right: Type) -> Type | None:
    """Return the type of an operator's result; None when it does not take these types."""
    if operator in {"==", "!="}:
        return t.BOOL if t.are_comparable(left, right) else None
    if operator == "in":
        return _result_of_in(left, right)
    if operator == "??":
        return right if left == t.NIL else left if right in {t.NIL, left} else t.ANY
    groups, result = _TAKES[operator]
    if not t.are_both(left, right, *groups):
        return None
    if result is not None:
        return result
    if left.is_any or right.is_any or left == right:
        return t.ANY if left.is_any or right.is_any else left
    return t.FLOAT


def _result_of_in(left: Type, right: Type) -> Type | None:
    if right.kind == "array" and not t.are_comparable(left, t.element_of(right)):
        message = f"cannot use {left} as type {t.element_of(right)} in array"
        raise BadExpression(message)
    if right.kind == "map" and not left.may_be("string"):
        raise BadExpression(f"cannot use {left} as type string in map key")
    return t.BOOL if right.may_be("array", "map") else None


#: Groups of kinds of which both sides are, and the result, None where it is that of the sides.
_TAKES: dict[str, tuple[tuple[tuple[str, ...], ...], Type | None]] = {
    **dict.fromkeys(("or", "and"), ((("bool",),), t.BOOL)),
    **dict.fromkeys(COMPARISONS, ((_NUMBER, _TEXT), t.BOOL)),
    **dict.fromkeys(("matches", "contains", "startsWith", "endsWith"), ((_TEXT,), t.BOOL)),
    **dict.fromkeys(("-", "*"), ((_NUMBER,), None)),
    **dict.fromkeys(("/", "**"), ((_NUMBER,), t.FLOAT)),
    "+": ((_NUMBER, _TEXT), None),
    "%": ((("int",),), t.INT),
    "..": ((("int",),), t.array_of(t.INT)),
}


def _or(left: Run, right: Run) -> Run:
    return lambda scope: expected(left(scope), "bool") or expected(right(scope), "bool")


def _and(left: Run, right: Run) -> Run:
    return lambda scope: expected(left(scope), "bool") and expected(right(scope), "bool")


def _or_else(left: Run, right: Run) -> Run:
    def run(scope: Scope) -> Value:
        found = left(scope)
        return right(scope) if found is None else found

    return run


_SHORT: dict[str, Callable[[Run, Run], Run]] = {"or": _or, "and": _and, "??": _or_else}


def _matches(left: Run, pattern: str) -> Run:
    try:
        compiled = Regexp(pattern)
    except BadPattern as error:
        raise BadExpression(f"'{pattern}' is not a regular expression: {error}") from None

    def run(scope: Scope) -> bool:
        text = left(scope)
        if text is None:
            return False
        scope.charge(len(expected(text, "string")) * _SEARCH)
        return compiled.matches(text)

    return run


def _match(scope: Scope, text: Value, pattern: Value) -> bool:
    if text is None or pattern is None:
        return False
    scope.charge(len(expected(text, "string")) * _SEARCH)
    scope.charge(len(expected(pattern, "string")) * _COMPILE)
    try:
        return Regexp(pattern).matches(text)
    except BadPattern as error:
        raise ExpressionError(str(error)) from None


def _in(scope: Scope, item: Value, collection: Value) -> bool:
    if collection is None:
        return False
    expected(collection, "array", "map")
    if isinstance(collection, Mapping):
        return isinstance(item, str) and item in collection
    return is_in(scope, item, collection)


def _compared(test: Callable[[Value, Value], bool]) -> Callable[[Scope, Value, Value], bool]:
    def apply(scope: Scope, left: Value, right: Value) -> bool:
        scope.charge_value(left, right)
        return test(left, right)

    return apply


def _texts(test: Callable[[str, str], bool]) -> Callable[[Scope, Value, Value], bool]:
    def apply(scope: Scope, left: Value, right: Value) -> bool:
        if left is None or right is None:
            return False
        scope.charge_value(expected(left, "string"), expected(right, "string"))
        return test(left, right)

    return apply


def _add(scope: Scope, left: Value, right: Value) -> Value:
    if isinstance(left, str):
        scope.charge_value(left, expected(right, "string"))
        return left + right
    return _arithmetic(lambda one, other: one + other)(scope, left, right)


def _arithmetic(
    apply: Callable[[Value, Value], Value],
) -> Callable[[Scope, Value, Value], Value]:
    def run(_: Scope, left: Value, right: Value) -> Value:
        found = apply(expected(left, *_NUMBER), expected(right, *_NUMBER))
        return whole(found) if isinstance(found, int) else found

    return run


def _negative(number: Value) -> Value:
    return whole(-number) if isinstance(number, int) else -number


def _divide(left: Value, right: Value) -> float:
    if right:
        return float(left) / float(right)
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


def _remainder(_: Scope, left: Value, right: Value) -> int:
    divisor = expected(right, "int")
    if not divisor:
        raise ExpressionError("integer divide by zero")
    size: int = abs(expected(left, "int")) % abs(divisor)
    return -size if left < 0 else size


def _power(left: Value, right: Value) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _range(scope: Scope, first: Value, last: Value) -> list[int]:
    count = expected(last, "int") - expected(first, "int") + 1
    scope.charge(max(0, count) * STEP)
    return list(range(first, last + 1))


_APPLY: dict[str, Callable[[Scope, Value, Value], Value]] = {
    "==": _compared(are_equal),
    "!=": _compared(lambda left, right: not are_equal(left, right)),
    "<": _compared(is_less),
    ">": _compared(lambda left, right: is_less(right, left)),
    "<=": _compared(lambda left, right: is_less(left, right) or are_equal(left, right)),
    ">=": _compared(lambda left, right: is_less(right, left) or are_equal(left, right)),
    "in": _in,
    "matches": _match,
    "contains": _texts(lambda text, part: part in text),
    "startsWith": _texts(str.startswith),
    "endsWith": _texts(str.endswith),
    "+": _add,
    "-": _arithmetic(lambda one, other: one - other),
    "*": _arithmetic(lambda one, other: one * other),
    "/": _arithmetic(_divide),
    "**": _arithmetic(_power),
    "%": _remainder,
    "..": _range,
}
