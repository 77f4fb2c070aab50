"""Go's template language, as far as Corefiles use it: a template is read once, and run for each question.

What a template has that is not known here is refused when it is read. Running it takes time in proportion to its length
and to the steps of its loops, which are bounded, as the text is that it makes.

Source: Go text/template and text/template/parse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from podname.expression import ExpressionError
from podname.plugins.template import nodes
from podname.plugins.template.functions import FUNCTIONS, TemplateError, Value
from podname.plugins.template.lexer import (
    BadTemplate,
    Piece,
    Token,
    number_of,
    pieces_of,
    tokens_of,
    unquoted,
)
from podname.plugins.template.nodes import Expression, Node, Scope

_DEPTH_MAX, _STAGES_MAX = 32, 64
_CONSTANTS = {"true": True, "false": False, "nil": None}
_NOT_YET = frozenset({"template", "define", "block", "html", "js", "urlquery", "call"})


def compiled(text: str) -> Callable[[Value], str]:
    """Read a template; gives what runs it on data. Raises BadTemplate.

    What is given raises TemplateError.
    """
    node = _Reader(list(pieces_of(text))).whole()

    def run(data: Value) -> str:
        scope = Scope(data, {0: data})
        try:
            node(scope)
        except ExpressionError as error:
            raise TemplateError(str(error)) from None
        except RecursionError:
            raise TemplateError("values too deep in one another") from None
        return "".join(scope.written)

    return run


@dataclass
class _Reader:
    """Reads one template. Variables have the number of their place among those in sight."""

    pieces: list[Piece]
    at: int = 0
    depth: int = 0
    loops: int = 0
    names: list[str] = field(default_factory=lambda: ["$"])

    def whole(self) -> Node:
        node, end = self.block()
        if end:
            raise BadTemplate(f"unexpected '{end}'")
        return node

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Read what has variables of its own."""
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise BadTemplate("parts too deep in one another")
        known = len(self.names)
        yield
        del self.names[known:]
        self.depth -= 1

    def block(self) -> tuple[Node, str]:
        """Read until an action that ends a block, and return that too; '' at the end of the text."""
        found: list[Node] = []
        while self.at < len(self.pieces):
            is_action, text = self.pieces[self.at]
            self.at += 1
            if not is_action:
                found.append(nodes.text(text))
                continue
            word = text.split(None, 1)[0] if text else ""
            if word in {"end", "else"}:
                return nodes.joined(found), text
            found.append(self.action(word, text))
        return nodes.joined(found), ""

    def action(self, word: str, text: str) -> Node:
        if word in {"if", "with", "range"}:
            with self.inside():
                return self.control(word, text[len(word) :])
        if word in _NOT_YET:
            raise BadTemplate(f"'{word}' is not supported yet")
        if word in {"break", "continue"} and text == word:
            if not self.loops:
                raise BadTemplate(f"'{word}' outside of a loop")
            return nodes.leave(word)
        variables, expression = self.pipeline(text)
        if variables:
            (number,) = variables
            return nodes.assignment(number, expression)
        return nodes.shown_value(expression)

    def control(self, word: str, condition: str) -> Node:
        variables, expression = self.pipeline(condition, is_loop=word == "range")
        self.loops += word == "range"
        with self.inside():
            then, end = self.block()
        self.loops -= word == "range"
        otherwise = self.otherwise(word, end)
        if word == "range":
            return nodes.loop(variables, expression, then, otherwise)
        return nodes.choice(variables, expression, then, otherwise, is_with=word == "with")

    def otherwise(self, word: str, end: str) -> Node:
        """Read what follows `else`, to the end of the block."""
        if end == "end":
            return nodes.joined([])
        if not end.startswith("else"):
            raise BadTemplate("a block is not closed by 'end'")
        with self.inside():
            more = end[len("else") :].strip()
            if word in {"if", "with"} and more.split(None, 1)[:1] == [word]:
                return self.control(word, more[len(word) :])
            if more:
                raise BadTemplate(f"unexpected '{end}'")
            node, end = self.block()
        if end != "end":
            raise BadTemplate(f"unexpected '{end}'" if end else "a block is not closed by 'end'")
        return node

    # ------------------------------------------------------------- pipelines

    def pipeline(self, text: str, *, is_loop: bool = False) -> tuple[list[int], Expression]:
        """Read `$x := a | b`; gives the numbers of the variables."""
        stream = _Tokens(list(tokens_of(text)))
        named, declares = stream.assigned(is_loop=is_loop)
        if not declares:
            variables = [self.known(name) for name in named]
        expression = self.pipe(stream)
        if not stream.is_done:
            raise BadTemplate(f"unexpected '{stream.peek()}' in '{text.strip()}'")
        if declares:
            variables = list(range(len(self.names), len(self.names) + len(named)))
            self.names += named
        return variables, expression

    def pipe(self, stream: _Tokens) -> Expression:
        expression, stages = self.command(stream, None), 1
        while stream.peek() == "|":
            stream.take()
            expression, stages = self.command(stream, expression), stages + 1
            if stages > _STAGES_MAX:
                raise BadTemplate(f"a pipeline of more than {_STAGES_MAX} commands")
        return expression

    def command(self, stream: _Tokens, last: Expression | None) -> Expression:
        """Read an operand, or what is called with its arguments, `last` being the value piped into it."""
        token, operand = stream.next(), self.operand(stream, is_first=True)
        arguments: list[Expression] = []
        while not stream.is_done and stream.peek() not in {"|", ")"}:
            arguments.append(self.operand(stream))
        if last is not None:
            arguments.append(last)
        if token.kind == "word" and token.text not in _CONSTANTS:
            return _call(token.text, arguments)
        if token.kind == "field" and token.text != "." and arguments:
            return nodes.method(token.text, operand, arguments)
        if token.kind == "field" and token.text.endswith(".Meta"):
            raise BadTemplate("wrong number of args for Meta: want 1 got 0")
        if arguments:
            raise BadTemplate(f"'{token.text}' is not a function")
        return nodes.nil_command if token.text == "nil" else operand

    def operand(self, stream: _Tokens, *, is_first: bool = False) -> Expression:
        kind, text, is_apart = stream.take()
        if not is_apart and not is_first and text != ")":
            raise BadTemplate(f"a space is missing before '{text}'")
        if kind in {"string", "number", "character"}:
            return nodes.constant(_VALUES[kind](text))
        if kind == "variable":
            return nodes.variable(self.known(text))
        if kind == "field":
            return self.field(text)
        if text == "(":
            return self.parenthesis(stream)
        if kind == "word" and text in _CONSTANTS:
            return nodes.constant(_CONSTANTS[text])
        if kind == "word" and (text in FUNCTIONS or text in nodes.LAZY):
            return nodes.constant(None) if is_first else _call(text, [])
        if kind == "word":
            raise BadTemplate(f"function '{text}' is not known")
        raise BadTemplate(f"unexpected '{text}'")

    def parenthesis(self, stream: _Tokens) -> Expression:
        """Read `…)`, and fields right behind it."""
        with self.inside():
            expression = self.pipe(stream)
        if stream.is_done or stream.take().text != ")":
            raise BadTemplate("a parenthesis is not closed")
        if stream.peek().startswith(".") and not stream.next().is_apart:
            return nodes.path(expression, stream.take().text.split(".")[1:])
        return expression

    def field(self, text: str) -> Expression:
        head, *names = text.split(".")
        start = nodes.variable(self.known(head)) if head else nodes.dot
        return nodes.path(start, [name for name in names if name])

    def known(self, name: str) -> int:
        """Return the number of a variable: the last one of the name."""
        for number in range(len(self.names) - 1, -1, -1):
            if self.names[number] == name:
                return number
        raise BadTemplate(f"undefined variable '{name}'")


@dataclass
class _Tokens:
    """Tokens of one action, and how far they are read."""

    tokens: list[Token]
    at: int = 0

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.tokens)

    def next(self) -> Token:
        if self.is_done:
            raise BadTemplate("something is missing at the end of an action")
        return self.tokens[self.at]

    def peek(self) -> str:
        return "" if self.is_done else self.tokens[self.at].text

    def take(self) -> Token:
        found = self.next()
        self.at += 1
        return found

    def assigned(self, *, is_loop: bool) -> tuple[list[str], bool]:
        """Read the variables before `:=` or `=`; gives whether they are declared."""
        texts = [token.text for token in self.tokens[:4]]
        for count in (1, 3) if is_loop else (1,):
            if len(texts) > count and texts[count] in {":=", "="}:
                if any(token.kind != "variable" for token in self.tokens[:count:2]):
                    break
                self.at = count + 1
                return texts[:count:2], texts[count] == ":="
        return [], False


_VALUES: dict[str, Callable[[str], Value]] = {
    "string": unquoted,
    "number": number_of,
    "character": lambda text: ord(unquoted(text)),
}


def _call(word: str, arguments: list[Expression]) -> Expression:
    if word not in nodes.LAZY:
        return nodes.call(word, FUNCTIONS[word], arguments)
    if not arguments:
        raise BadTemplate(f"wrong number of args for {word}: want at least 1 got 0")
    return nodes.lazy(arguments, until=nodes.LAZY[word])
