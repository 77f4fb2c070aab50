"""Read an expression: words become nodes that know their type, so that mistakes are found before it is run.

Source: expr-lang v1.17.8 parser, checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from podname.expression import functions, loops
from podname.expression import operators as o
from podname.expression import types as t
from podname.expression.evaluation import (
    ExpressionError,
    Scope,
    Value,
    at_index,
    cut,
    expected,
)
from podname.expression.lexer import WORD_OPERATORS, BadExpression, Token, tokens_of
from podname.expression.operators import Node
from podname.expression.types import Signature, Type

_DEPTH_MAX, _TEXT_MAX = 64, 10_000
_NUMBER_MAX = (1 << 63) - 1

#: The names that are taken: of functions, keywords and literals.
RESERVED = frozenset(
    {
        *functions.FUNCTIONS,
        *functions.NOT_YET,
        *loops.LOOPS,
        *WORD_OPERATORS,
        "true",
        "false",
        "nil",
    }
)

#: What an expression may name: functions and values, by their types.
Environment = Mapping[str, Signature | Type]


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, read: its text, the type of what it gives, and what runs it."""

    text: str
    type: Type
    node: Node

    def evaluate(self, environment: Mapping[str, Value]) -> Value:
        """Run it with these functions and values. Raises ExpressionError."""
        try:
            return self.node.run(Scope(environment))
        except RecursionError:
            raise ExpressionError("values too deep in one another") from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ExpressionError(str(error)) from None


def compile_expression(text: str, environment: Environment) -> Expression:
    """Read an expression. Raises BadExpression."""
    if len(text) > _TEXT_MAX:
        raise BadExpression(f"{len(text)} characters, at most {_TEXT_MAX} are allowed")
    reader = _Reader(list(tokens_of(text)), environment)
    node = reader.sequence()
    if reader.token.kind != "end":
        raise reader.unexpected()
    return Expression(text, node.type, node)


@dataclass
class _Reader:
    """Reads words by recursive descent."""

    tokens: list[Token]
    environment: Environment
    at: int = 0
    depth: int = 0
    variables: dict[str, Type] = field(default_factory=dict)
    loops: list[dict[str, Type]] = field(default_factory=list)  # what `#` and `#name` are

    # ----------------------------------------------------------------- words

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def unexpected(self) -> BadExpression:
        return BadExpression(f"unexpected {self.token}")

    def next_is(self, *operators: str) -> bool:
        return self.token.kind == "operator" and self.token.text in operators

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, operator: str) -> bool:
        found = self.next_is(operator)
        self.at += found
        return found

    def expect(self, operator: str) -> None:
        if not self.accept(operator):
            raise self.unexpected()

    def name(self) -> str:
        if self.token.kind != "name":
            raise self.unexpected()
        return self.take().text

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise BadExpression("parts too deep in one another")
        yield
        self.depth -= 1

    # ------------------------------------------------------------ statements

    def sequence(self) -> Node:
        node = self.whole()
        while self.accept(";") and self.token.kind != "end":
            node = self.whole()
        return node

    def whole(self) -> Node:
        """Read an expression with whatever may stand at its beginning: `let`, `if`."""
        with self.deeper():
            if self.accept("let"):
                return self.declaration()
            if self.accept("if"):
                return self.if_else()
            node = self.binary(0)
            while self.accept("?"):
                then = node if self.next_is(":") else self.whole()
                self.expect(":")
                node = _choice(node, then, self.whole())
            return node

    def declaration(self) -> Node:
        name = self.name()
        if name in {*self.environment, *self.variables, *functions.FUNCTIONS, *loops.LOOPS}:
            raise BadExpression(f"cannot redeclare {name}")
        self.expect("=")
        value = self.whole()
        self.expect(";")
        self.variables[name] = value.type
        body = self.sequence()
        del self.variables[name]

        def run(scope: Scope) -> Value:
            scope.variables[name] = value.run(scope)
            return body.run(scope)

        return Node(body.type, run)

    def if_else(self) -> Node:
        condition, then = self.whole(), self.braced()
        self.expect("else")
        return _choice(condition, then, self.if_else() if self.accept("if") else self.braced())

    def braced(self) -> Node:
        self.expect("{")
        node = self.sequence()
        self.expect("}")
        return node

    # ------------------------------------------------------------- operators

    def binary(self, least: int) -> Node:
        """Read operands joined by operators that bind at least so strongly."""
        with self.deeper():
            left, before = self.primary(), ""
            while self.token.kind == "operator":
                operator = self.token.text
                negated = operator == "not" and self.tokens[self.at + 1].text in o.NEGATED
                operator = self.tokens[self.at + 1].text if negated else operator
                if operator == "|" and least == 0:
                    self.take()
                    left = self.call(self.name(), [left])
                elif operator in o.PRECEDENCE and o.PRECEDENCE[operator] >= least:
                    self.at += 1 + negated
                    if before == "??" != operator:
                        raise BadExpression(f"{operator} and ?? need parentheses")
                    left = self.joined(left, operator)
                    left = o.unary("not", left) if negated else left
                else:
                    break
                before = operator
            return left

    def joined(self, left: Node, operator: str) -> Node:
        binding = o.PRECEDENCE[operator]
        right = self.binary(binding if binding == 100 else binding + 1)
        node = o.binary(operator, left, right)
        while operator in o.COMPARISONS and self.next_is(*o.COMPARISONS):  # 1 < x < 9
            operator, left = self.take().text, right
            right = self.binary(binding + 1)
            node = o.binary("and", node, o.binary(operator, left, right))
        return node

    def primary(self) -> Node:
        token = self.token
        if token.kind == "operator" and token.text in o.UNARY_PRECEDENCE:
            self.take()
            return self.postfix(o.unary(token.text, self.binary(o.UNARY_PRECEDENCE[token.text])))
        if self.accept("("):
            node = self.sequence()
            self.expect(")")
            return self.postfix(node._replace(constant=None))
        if self.loops and self.next_is("#", "."):
            return self.postfix(self.pointer())
        if self.accept("["):
            return self.postfix(_array(list(self.listed("]"))))
        if self.accept("{"):
            return self.postfix(self.mapping())
        return self.operand()

    def pointer(self) -> Node:
        """Read `#`, `#index`, `#acc`; a bare dot stands for `#.`."""
        name = ""
        if self.accept("#") and self.token.kind == "name":
            name = self.take().text
        known = self.loops[-1]
        if name not in known:
            raise BadExpression(f"unknown pointer #{name}")
        fields: dict[str, Callable[[Scope], Value]] = {
            "": lambda scope: scope.frames[-1].item,
            "index": lambda scope: scope.frames[-1].index,
            "acc": lambda scope: scope.frames[-1].accumulated,
        }
        return Node(known[name], fields[name])

    def operand(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.take()
            return _number(token.text)
        if token.kind == "text":
            self.take()
            return self.postfix(_constant(t.STRING, token.text, token.text))
        self.accept("::")
        if token.kind == "operator" and token.text != "::":
            raise self.unexpected()
        name = self.name()
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        return self.postfix(self.call(name, []) if self.next_is("(") else self.identifier(name))

    # ----------------------------------------------------- names and members

    def identifier(self, name: str) -> Node:
        if name in self.variables:
            return Node(self.variables[name], lambda scope: scope.variables[name])
        known = self.environment.get(name)
        if known is None:
            raise BadExpression(f"unknown name {name}")
        kind = known if isinstance(known, Type) else t.FUNCTION
        return Node(kind, lambda scope: scope.environment[name])

    def call(self, name: str, arguments: list[Node]) -> Node:
        self.expect("(")
        if name not in self.environment:
            if name in loops.LOOPS:
                return self.loop(name, arguments)
            if name in functions.NOT_YET:
                raise BadExpression(f"function {name} is not supported yet")
            if name in functions.FUNCTIONS:
                return functions.call(name, [*arguments, *self.listed(")")])
        arguments = [*arguments, *self.listed(")")]
        signature = self.environment.get(name, self.variables.get(name))
        if signature is None:
            raise BadExpression(f"unknown name {name}")
        if not isinstance(signature, Signature):
            raise BadExpression(f"{name} is not a function")
        return _called(name, signature, arguments)

    def loop(self, name: str, arguments: list[Node]) -> Node:
        collection = arguments[0] if arguments else self.whole()
        if not collection.type.may_be("array"):
            raise BadExpression(f"builtin {name} takes only array (got {collection.type})")
        part = more = None
        if not arguments:
            self.accept(",")
        if not self.next_is(")"):
            element = t.element_of(collection.type)
            names = {"": element} | ({"index": t.INT} if name in {"map", "reduce"} else {})
            self.loops.append(names | ({"acc": t.ANY} if name == "reduce" else {}))
            part = self.braced() if self.next_is("{") else self.whole()
            self.loops.pop()
        elif loops.LOOPS[name].needs_part:
            raise BadExpression(f"not enough arguments to call {name}")
        if self.accept(",") and name in {"reduce", "sortBy"} and not self.next_is(")"):
            more = self.whole()
            self.accept(",")
        self.expect(")")
        return loops.loop(name, collection, part, more)

    def listed(self, end: str) -> Iterator[Node]:
        """Read what is separated by commas."""
        while not self.accept(end):
            yield self.whole()
            if not self.next_is(end):
                self.expect(",")

    def mapping(self) -> Node:
        pairs: list[tuple[Node, Node]] = []
        while not self.accept("}"):
            if self.token.kind in {"number", "text", "name"}:
                key = _constant(t.STRING, self.take().text)
            elif self.next_is("("):
                key = self.primary()
            else:
                raise self.unexpected()
            self.expect(":")
            pairs.append((key, self.whole()))
            if not self.next_is("}"):
                self.expect(",")
        return Node(
            t.MAP,
            lambda scope: {
                expected(key.run(scope), "string"): value.run(scope) for key, value in pairs
            },
        )

    def postfix(self, node: Node) -> Node:
        """Read members, indexes and slices behind a value. Behind `?.` nil gives nil, to the end of the chain."""
        optional = False
        while self.next_is(".", "?.", "["):
            operator = self.take().text
            optional = optional or operator == "?."
            if operator == "?." and self.next_is("["):
                operator = self.take().text
            if operator == "[":
                node = self.index_or_slice(node, optional=optional)
            else:
                node = _member(node, _constant(t.STRING, self.member_name()), optional=optional)
                if self.next_is("("):
                    raise BadExpression("values have no methods")
        return node

    def member_name(self) -> str:
        if self.token.kind != "name" and not self.token.text.isalpha():
            raise self.unexpected()
        return self.take().text

    def index_or_slice(self, node: Node, *, optional: bool) -> Node:
        start = _constant(t.INT, 0) if self.next_is(":") else self.whole()
        if not self.accept(":"):
            self.expect("]")
            return _member(node, start, optional=optional)
        end = _constant(t.NIL, None) if self.next_is("]") else self.whole()
        self.expect("]")
        if not node.type.may_be("string", "array"):
            raise BadExpression(f"cannot slice {node.type}")
        for bound in (start, end):
            if not bound.type.may_be("int", "nil"):
                raise BadExpression(f"non-integer slice index {bound.type}")
        return Node(node.type, lambda scope: cut(node.run(scope), start.run(scope), end.run(scope)))


# --------------------------------------------------------------------- nodes


def _constant(kind: Type, value: Value, text: str | None = None) -> Node:
    return Node(kind, lambda _: value, text)


_CONSTANTS = {
    "true": _constant(t.BOOL, True),
    "false": _constant(t.BOOL, False),
    "nil": _constant(t.NIL, None),
}


def _number(text: str) -> Node:
    text = text.replace("_", "")
    is_based = text[:2].lower() in {"0x", "0o", "0b"}
    try:
        if not is_based and any(mark in text for mark in ".eE"):
            return _constant(t.FLOAT, float(text))
        number = int(text, 0) if is_based else int(text)
    except ValueError:
        raise BadExpression(f"'{text}' is not a number") from None
    if number > _NUMBER_MAX:
        raise BadExpression(f"the number {text} is too large")
    return _constant(t.INT, number)


def _array(items: list[Node]) -> Node:
    element = t.common([item.type for item in items]) if items else t.ANY
    runs = [item.run for item in items]
    return Node(t.array_of(element), lambda scope: [run(scope) for run in runs])


def _choice(condition: Node, then: Node, otherwise: Node) -> Node:
    if not condition.type.may_be("bool"):
        raise BadExpression(f"non-bool expression (type {condition.type}) used as condition")
    types = [node.type for node in (then, otherwise) if node.type != t.NIL] or [t.NIL]
    test, yes, no = condition.run, then.run, otherwise.run
    return Node(
        t.common(types), lambda scope: (yes if expected(test(scope), "bool") else no)(scope)
    )


def _called(name: str, signature: Signature, arguments: list[Node]) -> Node:
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
        return scope.environment[name](*values)

    return Node(signature.result, run)


def _member(node: Node, key: Node, *, optional: bool) -> Node:
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
