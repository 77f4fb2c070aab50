"""The parts of an expression that are not operators, functions or loops: literals, choices, calls, members."""

from __future__ import annotations

from collections.abc import Mapping

from podname.expression import types as t
from podname.expression.evaluation import Scope, Value, at_index, cut, expected
from podname.expression.lexer import BadExpression
from podname.expression.operators import Node
from podname.expression.types import Signature, Type

_NUMBER_MAX = (1 << 63) - 1
_CALL = 256  # what a function of the environment costs: it may read a network


def constant(kind: Type, value: Value, text: str | None = None) -> Node:
    """Return a value that is always the same; `text` where it is written as one."""
    return Node(kind, lambda _: value, text)


CONSTANTS = {
    "true": constant(t.BOOL, True),
    "false": constant(t.BOOL, False),
    "nil": constant(t.NIL, None),
}


def number(text: str) -> Node:
    """Read a number. Raises BadExpression."""
    text = text.replace("_", "")
    is_based = text[:2].lower() in {"0x", "0o", "0b"}
    try:
        if not is_based and any(mark in text for mark in ".eE"):
            return constant(t.FLOAT, float(text))
        value = int(text, 0) if is_based else int(text)
    except ValueError:
        raise BadExpression(f"'{text}' is not a number") from None
    if value > _NUMBER_MAX:
        raise BadExpression(f"the number {text} is too large")
    return constant(t.INT, value)


def array(items: list[Node]) -> Node:
    """Make `[a, b]`."""
    element = t.common([item.type for item in items]) if items else t.ANY
    runs = [item.run for item in items]
    return Node(t.array_of(element), lambda scope: [run(scope) for run in runs])


def mapping(pairs: list[tuple[Node, Node]]) -> Node:
    """Make `{a: b}`."""
    runs = [(key.run, value.run) for key, value in pairs]
    return Node(
        t.MAP,
        lambda scope: {expected(key(scope), "string"): value(scope) for key, value in runs},
    )


def part(node: Node, start: Node, end: Node) -> Node:
    """Make `a[b:c]`. Raises BadExpression."""
    if not node.type.may_be("string", "array"):
        raise BadExpression(f"cannot slice {node.type}")
    for bound in (start, end):
        if not bound.type.may_be("int", "nil"):
            raise BadExpression(f"non-integer slice index {bound.type}")

    def run(scope: Scope) -> Value:
        found = node.run(scope)
        scope.charge(len(expected(found, "string", "array")))
        return cut(found, start.run(scope), end.run(scope))

    return Node(node.type, run)


def choice(condition: Node, then: Node, otherwise: Node) -> Node:
    """Make `if a {b} else {c}` and `a ? b : c`. Raises BadExpression."""
    if not condition.type.may_be("bool"):
        raise BadExpression(f"non-bool expression (type {condition.type}) used as condition")
    types = [node.type for node in (then, otherwise) if node.type != t.NIL] or [t.NIL]
    test, yes, no = condition.run, then.run, otherwise.run
    return Node(
        t.common(types), lambda scope: (yes if expected(test(scope), "bool") else no)(scope)
    )


def called(name: str, signature: Signature, arguments: list[Node]) -> Node:
    """Make the call of a function of the environment. Raises BadExpression."""
    if len(arguments) != len(signature.parameters):
        few = "not enough" if len(arguments) < len(signature.parameters) else "too many"
        raise BadExpression(f"{few} arguments to call {name}")
    for argument, parameter in zip(arguments, signature.parameters, strict=True):
        if not t.fits(argument.type, parameter):
            message = f"cannot use {argument.type} as argument (type {parameter}) to call {name}"
            raise BadExpression(message)
    runs = [
        (argument.run, each.kind)
        for argument, each in zip(arguments, signature.parameters, strict=True)
    ]

    def run(scope: Scope) -> Value:
        values = [one(scope) if kind == "any" else expected(one(scope), kind) for one, kind in runs]
        scope.charge(_CALL)
        scope.charge_value(*values)
        return scope.environment[name](*values)

    return Node(signature.result, run)


def member(node: Node, key: Node, *, optional: bool) -> Node:
    """Make `a.b` and `a[b]`; behind `?.` nil gives nil. Raises BadExpression."""
    kind = node.type.kind
    if kind == "array" and not key.type.may_be("int"):
        message = f"array elements can only be selected using an integer (got {key.type})"
        raise BadExpression(message)
    if kind == "map" and not key.type.may_be("string"):
        raise BadExpression(f"cannot use {key.type} to get an element from {node.type}")
    if kind not in {"array", "map", "any"} and not (optional and kind == "nil"):
        raise BadExpression(f"type {node.type}[{key.type}] is undefined")
    result = t.element_of(node.type) if kind == "array" else t.ANY

    def run(scope: Scope) -> Value:
        found = node.run(scope)
        if optional and found is None:
            return None
        place = key.run(scope)
        if isinstance(found, Mapping):
            return found.get(place) if isinstance(place, str) else None
        return at_index(expected(found, "array"), place)

    return Node(result, run)
