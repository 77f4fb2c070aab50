"""The parts of a Go template that was read, each a function that is run.

What a run costs and the text that it makes are bounded: a template is run on the event loop.

Source: Go text/template exec.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from podname.expression.evaluation import COST_MAX, ITEM, STEP, Budget
from podname.plugins.template.functions import (
    TEXT_MAX,
    TemplateError,
    Value,
    field_of,
    is_true,
    shown,
)

_RANGE_MAX = COST_MAX // STEP + 1  # a loop over more would cost too much


@dataclass(slots=True)
class Scope(Budget):
    """One run: the value of the dot, the variables by their number, and what is written."""

    dot: Value
    variables: dict[int, Value]
    written: list[str] = field(default_factory=list)
    length: int = 0

    def write(self, text: str) -> None:
        """Write text. Raises TemplateError when there is too much."""
        self.length += len(text)
        if self.length > TEXT_MAX:
            raise TemplateError(f"more than {TEXT_MAX} characters")
        self.written.append(text)


Node = Callable[[Scope], None]
Expression = Callable[[Scope], Value]


class _Break(Exception):
    """Leave a loop."""


class _Continue(Exception):
    """Go on with the next step of a loop."""


# ------------------------------------------------------------------- actions


def text(plain: str) -> Node:
    """Write plain text."""
    return lambda scope: scope.write(plain)


def shown_value(expression: Expression) -> Node:
    """Write a value."""
    return lambda scope: scope.write(shown(expression(scope)))


def assignment(number: int, expression: Expression) -> Node:
    """Give a variable its value."""

    def run(scope: Scope) -> None:
        scope.variables[number] = expression(scope)

    return run


def joined(nodes: Sequence[Node]) -> Node:
    """Run one after the other."""

    def run(scope: Scope) -> None:
        for node in nodes:
            scope.charge(STEP)
            node(scope)

    return run


def leave(word: str) -> Node:
    """Run `break` or `continue`."""

    def run(_: Scope) -> None:
        raise _Break if word == "break" else _Continue

    return run


def choice(
    variables: list[int], expression: Expression, then: Node, otherwise: Node, *, is_with: bool
) -> Node:
    """Run `if` or `with`."""

    def run(scope: Scope) -> None:
        found, before = expression(scope), scope.dot
        scope.variables.update(dict.fromkeys(variables, found))
        if not is_true(found):
            otherwise(scope)
            return
        scope.dot = found if is_with else before
        then(scope)
        scope.dot = before

    return run


def loop(variables: list[int], expression: Expression, then: Node, otherwise: Node) -> Node:
    """Run `range`."""

    def run(scope: Scope) -> None:
        value, before = expression(scope), scope.dot
        if isinstance(value, int) and len(variables) > 1:
            raise TemplateError(f"can't use {value} to iterate over more than one variable")
        steps = list(_steps(value))
        for step in steps:
            scope.charge(STEP)
            if variables:
                scope.variables.update(zip(variables, step[-len(variables) :], strict=True))
            scope.dot = step[1]
            try:
                then(scope)
            except _Break:
                break
            except _Continue:
                continue
        scope.dot = before
        if not steps:
            otherwise(scope)

    return run


def _steps(value: Value) -> Iterator[tuple[Value, Value]]:
    """Return each key and item."""
    if value is None:
        return
    if isinstance(value, Mapping):
        yield from ((key, value[key]) for key in sorted(value))
    elif isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from ((number, number) for number in range(min(value, _RANGE_MAX)))
    else:
        raise TemplateError(f"range can't iterate over {shown(value)}")


# --------------------------------------------------------------- expressions


def constant(value: Value) -> Expression:
    """Return a value that is always the same."""
    return lambda _: value


def variable(number: int) -> Expression:
    """Return a variable's value."""
    return lambda scope: scope.variables[number]


def dot(scope: Scope) -> Value:
    """Return the value of the dot."""
    return scope.dot


def nil_command(_: Scope) -> Value:
    """Fail: `nil` stands alone."""
    raise TemplateError("nil is not a command")


def path(expression: Expression, names: Sequence[str]) -> Expression:
    """Return a field of a field of a value."""

    def run(scope: Scope) -> Value:
        found = expression(scope)
        for name in names:
            found = field_of(found, name)
        return found

    return run


def call(name: str, function: Callable[..., Value], arguments: Sequence[Expression]) -> Expression:
    """Return what a function gives."""
    return lambda scope: _result(scope, name, function, arguments)


def method(name: str, operand: Expression, arguments: Sequence[Expression]) -> Expression:
    """Return what a field gives that is called."""

    def run(scope: Scope) -> Value:
        function = operand(scope)
        if not callable(function):
            raise TemplateError(f"{name} has arguments but is no function")
        return _result(scope, name, function, arguments)

    return run


def _result(
    scope: Scope, name: str, function: Callable[..., Value], arguments: Sequence[Expression]
) -> Value:
    values = _values(scope, arguments)
    scope.charge_value(values)
    try:
        found = function(*values)
    except TemplateError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise TemplateError(f"{name}: {error}") from None
    scope.charge_value(found)
    return found


def _values(scope: Scope, arguments: Sequence[Expression]) -> list[Value]:
    return [argument(scope) for argument in arguments]


#: `and` and `or` stop at the first argument of this truth.
LAZY = {"and": False, "or": True}


def lazy(arguments: Sequence[Expression], *, until: bool) -> Expression:
    """Return the first argument of a truth, or the last one."""

    def run(scope: Scope) -> Value:
        found = None
        for argument in arguments:
            scope.charge(ITEM)
            found = argument(scope)
            if is_true(found) == until:
                break
        return found

    return run
