"""Go's template language, as far as Corefiles use it: fields, functions, pipelines, variables, `if` and `with`.

A template is read once, and whatever it has that is not known here is refused then. Running it takes time in proportion
to its length: there are no loops (`range`), no templates within templates, and texts do not grow beyond a bound.

Sources: Go text/template (syntax, truth, comparison), fmt (`printf`); CoreDNS 1.15.0 plugin/template (`parseInt`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TEXT_MAX = 65_536
_DEPTH_MAX = 32
_ACTION = re.compile(r"\{\{(- )?(.*?)( -)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r'\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<number>[+-]?\d+)'
    r"|(?P<field>(?:\$\w*)?(?:\.\w+)+|\.)|(?P<variable>\$\w*)|(?P<word>\w+)|(?P<mark>:=|=|[|()]))"
)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'", "r": "\r"}
_VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\d*)(?:\.(?P<precision>\d+))?(?P<verb>.?)")

Value = Any
Scope = dict[str, Value]


class BadTemplate(ValueError):
    """The text is no template, or has something that is not known here."""


class TemplateError(ValueError):
    """A template could not be run on this question."""


Node = Callable[[Scope], str]
Expression = Callable[[Scope], Value]


def compiled(text: str) -> Callable[[Mapping[str, Value]], str]:
    """Read a template; gives what runs it on data, whose fields are keys. Raises BadTemplate.

    What is given raises TemplateError.
    """
    node = _Reader(text).whole()

    def run(data: Mapping[str, Value]) -> str:
        return node({"": data, "$": data})

    return run


# ------------------------------------------------------------------- reading


@dataclass
class _Reader:
    """Reads one template."""

    text: str
    pieces: list[tuple[bool, str]] = field(default_factory=list)  # whether it is an action
    at: int = 0
    depth: int = 0
    names: list[set[str]] = field(default_factory=lambda: [{"$"}])  # of variables, by block

    def __post_init__(self) -> None:
        before, trims = 0, False
        for found in _ACTION.finditer(self.text):
            between = self.text[before : found.start()]
            between = between.lstrip() if trims else between
            self.pieces.append((False, between.rstrip() if found[1] else between))
            self.pieces.append((True, found[2].strip()))
            before, trims = found.end(), bool(found[3])
        rest = self.text[before:]
        if "{{" in rest:
            raise BadTemplate("an action is not closed by '}}'")
        self.pieces.append((False, rest.lstrip() if trims else rest))

    def whole(self) -> Node:
        node, end = self._block(frozenset())
        if end:
            raise BadTemplate(f"unexpected '{end}'")
        return node

    def _block(self, ends: frozenset[str]) -> tuple[Node, str]:
        """Read until an action that ends the block; gives it."""
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise BadTemplate("blocks too deep in one another")
        self.names.append(set())
        nodes: list[Node] = []
        while self.at < len(self.pieces):
            is_action, text = self.pieces[self.at]
            self.at += 1
            if not is_action:
                nodes.append(lambda _, text=text: text)  # type: ignore[misc]
                continue
            word = text.split(None, 1)[0] if text else ""
            if word in {"end", "else"}:
                if word not in ends:
                    raise BadTemplate(f"unexpected '{text}'")
                self._leave()
                return _joined(nodes), text
            nodes.append(self._action(word, text))
        if ends:
            raise BadTemplate("a block is not closed by 'end'")
        self._leave()
        return _joined(nodes), ""

    def _leave(self) -> None:
        self.depth -= 1
        self.names.pop()

    def _action(self, word: str, text: str) -> Node:
        if text.startswith("/*") and text.endswith("*/"):
            return lambda _: ""
        if word in {"if", "with"}:
            return self._choice(word, text[len(word) :])
        if word in {"range", "template", "define", "block", "break", "continue"}:
            raise BadTemplate(f"'{word}' is not supported yet")
        name, expression = self._pipeline(text)
        if name is None:
            return lambda scope: shown(expression(scope))
        return _assignment(name, expression)

    def _choice(self, word: str, condition: str) -> Node:
        self.names.append(set())
        name, expression = self._pipeline(condition)
        then, end = self._block(frozenset({"end", "else"}))
        otherwise: Node = lambda _: ""  # noqa: E731
        if end.startswith("else"):
            more = end[len("else") :].strip()
            if more.startswith(("if ", "with ")):
                inner, rest = more.split(None, 1)
                otherwise = self._choice(inner, rest)
            elif more:
                raise BadTemplate(f"unexpected '{end}'")
            else:
                otherwise, _ = self._block(frozenset({"end"}))
        self.names.pop()

        def run(scope: Scope) -> str:
            found = expression(scope)
            inside = {**scope, name: found} if name else dict(scope)
            if word == "with" and is_true(found):
                inside[""] = found
            out = then(inside) if is_true(found) else otherwise(inside)
            scope.update({other: inside[other] for other in scope if other not in {"", name}})
            return out

        return run

    def _pipeline(self, text: str) -> tuple[str | None, Expression]:
        """Read `NAME := pipeline` or a pipeline; gives the variable's name."""
        tokens = list(_tokens(text))
        name = None
        if len(tokens) > 1 and tokens[0][0] == "variable" and tokens[1][1] in {":=", "="}:
            name = tokens[0][1]
            if tokens[1][1] == ":=":
                self.names[-1].add(name)
            self._known(name)
            tokens = tokens[2:]
        stream = _Tokens(tokens)
        expression = self._pipe(stream)
        if not stream.is_done:
            raise BadTemplate(f"unexpected '{stream.take()[1]}' in '{text}'")
        return name, expression

    def _pipe(self, stream: _Tokens) -> Expression:
        expression = self._command(stream, None)
        while stream.next_is("|"):
            stream.take()
            expression = self._command(stream, expression)
        return expression

    def _command(self, stream: _Tokens, last: Expression | None) -> Expression:
        """Read an operand, or a function with its arguments, `last` being the value piped into it."""
        if stream.is_word() and stream.peek() not in {"true", "false", "nil"}:
            word = stream.take()[1]
            function = FUNCTIONS.get(word)
            if function is None:
                raise BadTemplate(f"function '{word}' is not known")
            arguments: list[Expression] = []
            while not stream.is_done and stream.peek() not in {"|", ")"}:
                arguments.append(self._operand(stream))
            if last is not None:
                arguments.append(last)
            return _call(word, function, arguments)
        if last is not None:
            raise BadTemplate("a value is piped into something that is not a function")
        operand = self._operand(stream)
        if not stream.is_done and stream.peek() not in {"|", ")"}:
            raise BadTemplate(f"unexpected '{stream.peek()}'")
        return operand

    def _operand(self, stream: _Tokens) -> Expression:
        kind, text = stream.take()
        if kind == "string":
            return _constant(_unquoted(text))
        if kind == "number":
            return _constant(int(text))
        if kind == "variable":
            self._known(text)
            return lambda scope: scope[text]
        if kind == "field":
            return self._field(text)
        if text == "(":
            expression = self._pipe(stream)
            if stream.take()[1] != ")":
                raise BadTemplate("a parenthesis is not closed")
            return expression
        if text in {"true", "false", "nil"}:
            return _constant({"true": True, "false": False, "nil": None}[text])
        function = FUNCTIONS.get(text)
        if kind == "word" and function is not None:
            return _call(text, function, [])
        raise BadTemplate(f"unexpected '{text}'")

    def _field(self, text: str) -> Expression:
        head, *path = text.split(".")
        if head:
            self._known(head)
        path = [name for name in path if name]

        def read(scope: Scope) -> Value:
            found = scope[head]
            for name in path:
                found = _entry(found, name)
            return found

        return read

    def _known(self, name: str) -> None:
        if not any(name in names for names in self.names):
            raise BadTemplate(f"undefined variable '{name}'")


@dataclass
class _Tokens:
    """Tokens of one action, and how far they are read."""

    tokens: list[tuple[str, str]]
    at: int = 0

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.tokens)

    def peek(self) -> str:
        return "" if self.is_done else self.tokens[self.at][1]

    def next_is(self, text: str) -> bool:
        return not self.is_done and self.tokens[self.at] == ("mark", text)

    def is_word(self) -> bool:
        return not self.is_done and self.tokens[self.at][0] == "word"

    def take(self) -> tuple[str, str]:
        if self.is_done:
            raise BadTemplate("something is missing at the end of an action")
        self.at += 1
        return self.tokens[self.at - 1]


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadTemplate(f"unexpected '{text[at:].strip()[:20]}'")
        assert found.lastgroup  # noqa: S101
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    try:
        return re.sub(r"\\(.)", lambda found: _ESCAPES[found[1]], text[1:-1])
    except KeyError as error:
        raise BadTemplate(f"unknown escape '\\{error.args[0]}'") from None


# ------------------------------------------------------------------- running


def _joined(nodes: list[Node]) -> Node:
    def run(scope: Scope) -> str:
        inside, out = dict(scope), ""
        for node in nodes:
            out += node(inside)
            if len(out) > TEXT_MAX:
                raise TemplateError(f"more than {TEXT_MAX} characters")
        scope.update({name: inside[name] for name in scope if name in inside})
        return out

    return run


def _assignment(name: str, expression: Expression) -> Node:
    def run(scope: Scope) -> str:
        scope[name] = expression(scope)
        return ""

    return run


def _constant(value: Value) -> Expression:
    return lambda _: value


def _call(word: str, function: Callable[..., Value], arguments: list[Expression]) -> Expression:
    def run(scope: Scope) -> Value:
        values = [argument(scope) for argument in arguments]
        try:
            return function(*values)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise TemplateError(f"{word}: {error}") from None

    return run


def _entry(found: Value, name: str) -> Value:
    if isinstance(found, Mapping):
        if name in found:
            return found[name]
        if found and all(isinstance(key, str) and key[:1].isupper() for key in found):
            raise TemplateError(f"there is no field '{name}'")
        return ""  # a map of texts gives the empty one
    raise TemplateError(f"'{name}' of something without fields")


def is_true(value: Value) -> bool:
    """Return whether a value is not empty: Go's truth."""
    return bool(value)


def shown(value: Value) -> str:
    """Return a value as Go prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(shown, value)) + "]"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{k}:{shown(value[k])}" for k in sorted(value)) + "]"
    return str(value)


def _index(value: Value, *keys: Value) -> Value:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(shown(key), "")
        elif isinstance(key, int) and 0 <= key < len(value):
            value = ord(value[key]) if isinstance(value, str) else value[key]
        else:
            raise IndexError(f"index out of range: {shown(key)}")
    return value


def _slice(value: Value, *bounds: int) -> Value:
    begin, end = (*bounds, *((0, len(value))[len(bounds) :]))[:2]
    if not 0 <= begin <= end <= len(value):
        raise IndexError("index out of range")
    return value[begin:end]


def _equal(first: Value, *others: Value) -> bool:
    if not others:
        raise TypeError("missing argument for comparison")
    if any(type(other) is not type(first) for other in others):
        raise TypeError("incompatible types for comparison")
    return first in others


def _ordered(test: Callable[[Value, Value], bool]) -> Callable[[Value, Value], bool]:
    def compare(first: Value, second: Value) -> bool:
        if type(first) is not type(second):
            raise TypeError("incompatible types for comparison")
        return test(first, second)

    return compare


def _and(*values: Value) -> Value:
    return next((value for value in values if not is_true(value)), values[-1])


def _or(*values: Value) -> Value:
    return next((value for value in values if is_true(value)), values[-1])


def _parse_int(text: str, base: int, bits: int) -> int:
    number = int(text, base)
    if not re.fullmatch(r"[0-9a-zA-Z]+", text) or number >= 1 << (bits or 64):
        raise ValueError(f'parsing "{text}": value out of range')
    return number


def _print(*values: Value) -> str:
    out = ""
    for number, value in enumerate(values):
        both_other = (
            number and not isinstance(value, str) and not isinstance(values[number - 1], str)
        )
        out += (" " if both_other else "") + shown(value)
    return out


def _printf(text: str, *values: Value) -> str:
    rest = list(values)

    def one(found: re.Match[str]) -> str:
        verb = found["verb"]
        if verb == "%":
            return "%"
        if not rest:
            return f"%!{verb}(MISSING)"
        return _formatted(found, verb, rest.pop(0))

    out = _VERB.sub(one, text)
    return out + "".join(f"%!(EXTRA {shown(value)})" for value in rest)


def _formatted(found: re.Match[str], verb: str, value: Value) -> str:
    flags, width, precision = found["flags"], int(found["width"] or 0), found["precision"]
    if width > TEXT_MAX:
        raise ValueError("a width that is too large")
    if verb in {"s", "v"}:
        text = shown(value)
        text = text if precision is None else text[: int(precision)]
    elif verb == "q":
        text = '"' + shown(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    elif verb in "dxXob" and isinstance(value, int):
        text = format(value, verb)
    elif verb in "xX" and isinstance(value, str):
        text = value.encode().hex()
        text = text.upper() if verb == "X" else text
    else:
        return f"%!{verb}({shown(value)})"
    if "-" in flags:
        return text.ljust(width)
    return text.zfill(width) if "0" in flags and verb in "dxXob" else text.rjust(width)


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "and": _and,
    "or": _or,
    "not": lambda value: not is_true(value),
    "eq": _equal,
    "ne": lambda first, second: not _equal(first, second),
    "lt": _ordered(lambda first, second: first < second),
    "le": _ordered(lambda first, second: first <= second),
    "gt": _ordered(lambda first, second: first > second),
    "ge": _ordered(lambda first, second: first >= second),
    "index": _index,
    "slice": _slice,
    "len": len,
    "print": _print,
    "printf": _printf,
    "println": lambda *values: " ".join(map(shown, values)) + "\n",
    "parseInt": _parse_int,
}
