"""What a directive takes, declared once: a dataclass whose fields are the properties of its block.

For `forward example.org 192.0.2.1 { … }`, in whose block `max_fails 3` and `expire 5s` may stand::

    @dataclass(frozen=True, slots=True)
    class Options(Properties):
        SYNTAX = "FROM TO..."
        LATER = frozenset({"tls"})
        zone: bytes
        max_fails: int = prop(2, integer(least=0))
        expire_seconds: float = prop(10.0, duration(), "expire")

`Options.read(directive, context, zone=…)` makes them of a directive's lines. The number of arguments, the place and
text of each error, the neighbour of a word that is misspelt, "not supported yet" and the syntax of the manual page come
from the declaration.

Sources: CoreDNS's plugins, whose setup.go files read the same grammar by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from podname.corefile.findings import Findings
from podname.corefile.suggest import did_you_mean
from podname.corefile.tree import Directive, Line
from podname.errors import CorefileError
from podname.text import shown

T = TypeVar("T")
D = TypeVar("D")
_PROPERTY = "property"


class ReadContext(Protocol):
    """What reading a property may need beside its line."""

    @property
    def folder(self) -> Path:
        """The folder that relative file names start from."""

    @property
    def elsewhere(self) -> bool:
        """Whether the Corefile is for another machine, so that what this one has says nothing of it."""

    def warn(self, text: str, /) -> None:
        """Warn of what is taken, with its place."""


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    """How the words behind a property become a value.

    `read` is given the line and what the property is so far: its default, or what an earlier line said. It raises
    CorefileError.
    """

    syntax: str  # as the manual page writes it
    read: Callable[[Line, T, ReadContext], T]
    least: int = 1
    most: int | None = 1  # None: any number


def prop(default: D, value: Value[T], name: str = "") -> D | T:
    """Declare a property: its default, how it is read, and its name where that is not the field's."""
    made: D = field(default=default, metadata={_PROPERTY: (name, value)})
    return made


@dataclass(frozen=True, slots=True)
class Properties:
    """What one directive says. Fields that are no properties are given to `read`."""

    #: What follows the directive's name, and what a line may be that begins with no property.
    SYNTAX: ClassVar[str] = ""
    OTHERWISE: ClassVar[str] = ""
    #: CoreDNS's properties that podname does not have yet.
    LATER: ClassVar[Collection[str]] = ()
    #: Words that once meant something: they are taken with a warning.
    OBSOLETE: ClassVar[Collection[str]] = ()

    @classmethod
    def read(
        cls,
        directive: Directive,
        context: ReadContext,
        *,
        otherwise: Callable[[Line, Mapping[str, Any]], bool] = lambda _, __: False,
        **given: Any,
    ) -> Self:
        """Read the block of a directive. Raises the first CorefileError with all others in it.

        `otherwise` is handed each line that begins with no property, and the values so far by their fields, and says
        whether it took the line. What is `given` are the other fields, and defaults in place of the declared ones.
        """
        known = _declared(cls)
        said, defaults = dict(given), {each.name: each.default for each in fields(cls)}

        def read(line: Line) -> None:
            word = line.name.text
            if word in known:
                name, value = known[word]
                line = _with_brace(line, value, context)
                line.expect(value.least, value.most)
                said[name] = value.read(line, said.get(name, defaults.get(name)), context)
            elif word in cls.OBSOLETE:
                owner = directive.name.text
                context.warn(
                    f"{line.name.place}: '{word}' in {owner} is obsolete and has no effect"
                )
            elif not otherwise(line, said):
                raise _not_taken(directive, line, cls)

        found = Findings()
        for line in directive.block or ():
            with found.gathered(directive.name.text):
                read(line)
        found.raise_all()
        return cls(**said)


def syntax_of(name: str, declared: type[Properties]) -> str:
    """Return the syntax of a directive as its manual page shows it."""
    head, other = f"{name} {declared.SYNTAX}".rstrip(), declared.OTHERWISE
    lines = [f"{word} {value.syntax}" for word, (_, value) in _declared(declared).items()]
    lines = [f"    {line}".rstrip() for line in ([other] if other else []) + lines]
    return "\n".join([head + " {", *lines, "}"]) if lines else head


def _with_brace(line: Line, value: Value[Any], context: ReadContext) -> Line:
    """Take the `}` at the end of a line for a word where any number may stand, as CoreDNS does."""
    brace = line.ends_block
    if brace is None or value.most is not None:
        return line
    context.warn(
        f"{brace.place}: this '}}' is taken for a word of '{line.name.text}', as CoreDNS takes it: "
        "put it on a line of its own"
    )
    return replace(line, arguments=(*line.arguments, brace))


def _declared(cls: type[Properties]) -> dict[str, tuple[str, Value[Any]]]:
    """Return field and value of each property, by the property's name."""
    found = {}
    for each in fields(cls):
        if _PROPERTY in each.metadata:
            name, value = each.metadata[_PROPERTY]
            found[name or each.name] = each.name, value
    return found


def _not_taken(directive: Directive, line: Line, cls: type[Properties]) -> CorefileError:
    word, owner = line.name.text, directive.name.text
    if word in cls.LATER:
        return line.error(f"the property '{word}' of {owner} is not supported yet")
    meant = did_you_mean(word, _declared(cls))
    return line.error(f"unknown property '{shown(word)}' of {owner}{meant}")


# -------------------------------------------------------------------- values


def value(
    syntax: str, read: Callable[[Line], T], *, least: int = 1, most: int | None = 1
) -> Value[T]:
    """Make a value of which the last line counts."""
    return Value(syntax, lambda line, _, __: read(line), least, most)


def union(
    syntax: str, read: Callable[[Line], frozenset[T]], *, least: int = 1
) -> Value[frozenset[T]]:
    """Make a set that each line adds to, with any number of words."""
    return Value(syntax, lambda line, before, _: before | read(line), least, None)


def flag(*, said: bool = True) -> Value[bool]:
    """Make the value of a word that stands alone."""
    return value("", lambda _: said, least=0, most=0)


def integer(
    syntax: str = "INTEGER", *, least: int | None = None, most: int | None = None
) -> Value[int]:
    """Make a whole number in a range."""
    return value(syntax, lambda line: line.integer(least=least, most=most))


def duration(syntax: str = "DURATION") -> Value[float]:
    """Make a Go duration in seconds, not negative."""
    return value(syntax, not_negative)


def not_negative(line: Line) -> float:
    """Read the first argument: a duration in seconds that is not negative. Raises CorefileError."""
    seconds = line.duration()
    if seconds < 0:
        message = f"{line.name.text} can't be negative: {seconds:g}s"
        raise line.error(message, line.arguments[0])
    return seconds


def choice(*words: str) -> Value[str]:
    """Make one word of several."""

    def read(line: Line) -> str:
        (word,) = line.words()
        if word not in words:
            known = ", ".join(words)
            message = f"unknown {line.name.text} '{shown(word)}', there are {known}"
            raise line.error(message, line.arguments[0])
        return word

    return value("|".join(words), read)
