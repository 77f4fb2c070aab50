"""Read an expression: words become nodes that know their type, so that mistakes are found before it is run.

Source: expr-lang v1.17.8 parser, checker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from podname.expression import functions, loops, nodes
from podname.expression import operators as o
from podname.expression import types as t
from podname.expression.evaluation import (
    ExpressionError,
    Scope,
    Value,
)
from podname.expression.lexer import WORD_OPERATORS, BadExpression, Token, tokens_of
from podname.expression.operators import Node
from podname.expression.types import Signature, Type

_DEPTH_MAX, _TEXT_MAX = 64, 10_000

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
            return self._run(Scope(environment))
        except RecursionError:
            raise ExpressionError("values too deep in one another") from None
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ExpressionError(str(error)) from None

    def _run(self, scope: Scope) -> Value:
        found = self.node.run(scope)
        scope.charge_value(found)  # whoever shows it looks it through
        return found


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
                node = nodes.choice(node, then, self.whole())
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
        return nodes.choice(condition, then, self.if_else() if self.accept("if") else self.braced())

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
            return self.postfix(nodes.array(list(self.listed("]"))))
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
            return nodes.number(token.text)
        if token.kind == "text":
            self.take()
            return self.postfix(nodes.constant(t.STRING, token.text, token.text))
        self.accept("::")
        if token.kind == "operator" and token.text != "::":
            raise self.unexpected()
        name = self.name()
        if name in nodes.CONSTANTS:
            return nodes.CONSTANTS[name]
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
        return nodes.called(name, signature, arguments)

    def loop(self, name: str, arguments: list[Node]) -> Node:
        collection = arguments[0] if arguments else self.whole()
        if not collection.type.may_be("array"):
            raise BadExpression(f"builtin {name} takes only array (got {collection.type})")
        part, more, start = None, None, self.at
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
        return loops.loop(name, collection, part, more, self.at - start)

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
                key = nodes.constant(t.STRING, self.take().text)
            elif self.next_is("("):
                key = self.primary()
            else:
                raise self.unexpected()
            self.expect(":")
            pairs.append((key, self.whole()))
            if not self.next_is("}"):
                self.expect(",")
        return nodes.mapping(pairs)

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
                node = nodes.member(
                    node, nodes.constant(t.STRING, self.member_name()), optional=optional
                )
                if self.next_is("("):
                    raise BadExpression("values have no methods")
        return node

    def member_name(self) -> str:
        if self.token.kind != "name" and not self.token.text.isalpha():
            raise self.unexpected()
        return self.take().text

    def index_or_slice(self, node: Node, *, optional: bool) -> Node:
        start = nodes.constant(t.INT, 0) if self.next_is(":") else self.whole()
        if not self.accept(":"):
            self.expect("]")
            return nodes.member(node, start, optional=optional)
        end = nodes.constant(t.NIL, None) if self.next_is("]") else self.whole()
        self.expect("]")
        return nodes.part(node, start, end)
