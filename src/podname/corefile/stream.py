"""The words of a Corefile in reading order, with what is imported put in the place of its line.

A source (a file, or a snippet) that is being read lies on a stack; an import puts another on top. It is a list and not
a recursion, so that no chain of imports can exhaust Python's own stack. A source that is on the stack already is an
import cycle. The number of imported words is bounded: with ten lines, each of which imports the next ten times, a short
file would become ten billion words.

Sources: coredns/caddy caddyfile/parse.go (parseAll, doImport).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from podname.corefile.lexer import Word
from podname.corefile.tree import Token
from podname.errors import CorefileError

IMPORTED_WORDS_MAX = 1_000_000


class TooManyImports(CorefileError):
    """The imports make more of the Corefile than anybody can mean: the reading ends here."""


class Source(NamedTuple):
    """Something that words come from: a file by its path, a snippet by `(name)`."""

    name: str
    words: Sequence[Word]


@dataclass(slots=True)
class _Reading:
    """The source that is being read; `later` are those of the same import line, last one first."""

    source: Source
    later: list[Source] = field(default_factory=list)
    next: int = 0

    @property
    def ended(self) -> bool:
        return self.next >= len(self.source.words)


class Stream:
    """A cursor over the words of a file and of all that it imports."""

    def __init__(self, source: Source) -> None:
        self._stack = [_Reading(source)]
        self._names = {source.name}  # of what is being read: no source lies on itself
        self._imported_words = 0

    def peek(self) -> Word | None:
        """Return the next word and leave it, None at the end of everything."""
        while self._stack[-1].ended:
            if not self._finish():
                return None
        reading = self._stack[-1]
        return reading.source.words[reading.next]

    def take(self) -> Token:
        """Return the word that `peek` gave and step over it."""
        reading = self._stack[-1]
        reading.next += 1
        return reading.source.words[reading.next - 1].token

    def sees(self, text: str) -> bool:
        """Return whether the next word is `text`."""
        word = self.peek()
        return word is not None and word.token.text == text

    def rest_of_line(self) -> Token | None:
        """Return the next word and leave it, None if it is not on the line of the one taken last."""
        reading = self._stack[-1]
        if reading.ended or reading.source.words[reading.next].starts_line:
            return None
        return reading.source.words[reading.next].token

    def insert(self, sources: Sequence[Source], pattern: Token) -> None:
        """Read `sources`, which `import pattern` stands for, before what follows.

        Raises CorefileError if one of them is being read already, or beyond the bound.
        """
        for source in sources:
            if source.name in self._names:
                way = [reading.source.name for reading in self._stack]
                around = [*way[way.index(source.name) :], source.name]
                raise CorefileError(f"import cycle: {' → '.join(around)}", pattern.place)
            self._imported_words += len(source.words)
        if self._imported_words > IMPORTED_WORDS_MAX:
            message = f"imports make more than {IMPORTED_WORDS_MAX} words of the Corefile"
            raise TooManyImports(message, pattern.place)
        if sources:
            self._stack.append(_Reading(sources[0], list(sources[:0:-1])))
            self._names.add(sources[0].name)

    def _finish(self) -> bool:
        """Leave the source that has ended. False: it was the first one, and nothing follows."""
        reading = self._stack[-1]
        if not reading.later and len(self._stack) == 1:
            return False
        self._names.discard(reading.source.name)
        if reading.later:
            reading.source, reading.next = reading.later.pop(), 0
            self._names.add(reading.source.name)
        else:
            self._stack.pop()
        return True
