r"""Regular expressions as a Corefile writes them: Go's syntax, which is RE2's.

RE2 takes time linear in the text, whatever the pattern: no name that a client asks for can stall the server. Neither it
nor Go takes back-references and look-around. The time grows with the program that a pattern makes, too; `(a?){900}`
is short and makes a large one, so patterns whose program is too large are refused.

Sources: https://github.com/google/re2/wiki/Syntax; Go's regexp/syntax; CoreDNS 1.15.0 plugin/rewrite name.go.
"""

from __future__ import annotations

import re2  # type: ignore[import-untyped]

from podname.corefile.tree import Line, Token
from podname.text import shown

PATTERN_OCTETS_MAX = 10_000
#: Instructions of the compiled program, and the same times the groups, whose places each step carries along.
_PROGRAM_MAX = 10_000
_EXPANDED_MAX = 4096  # a name of 255 octets, each written as `\DDD`, is a quarter of it
_PROGRAM_TIMES_GROUPS_MAX = 100_000

Groups = tuple[str, ...]


class BadPattern(ValueError):
    """The text is no regular expression, or one that would cost too much."""


class Regexp:
    """One compiled pattern. Texts are searched, as Go does it: anchor the pattern to match a whole text."""

    __slots__ = ("_program", "group_names", "groups", "pattern")

    def __init__(self, pattern: str) -> None:
        """Compile a pattern. Raises BadPattern."""
        octets = pattern.encode("utf-8", "surrogateescape")
        if len(octets) > PATTERN_OCTETS_MAX:
            message = f"a pattern of {len(octets)} octets, at most {PATTERN_OCTETS_MAX} are allowed"
            raise BadPattern(message)
        options = re2.Options()
        options.log_errors = False
        try:
            program = re2.compile(octets, options)
        except re2.error as error:
            raise BadPattern(_reason(error)) from None
        if program.programsize > _PROGRAM_MAX or (
            program.programsize * program.groups > _PROGRAM_TIMES_GROUPS_MAX
        ):
            raise BadPattern("its repetitions and groups make it too large")
        self._program = program
        self.pattern = pattern
        #: How many groups there are, without the whole match.
        self.groups: int = program.groups
        #: The number of each group that has a name.
        self.group_names = {name.decode(): at for name, at in program.groupindex.items()}

    def matches(self, text: str) -> bool:
        """Return whether the pattern is found in the text."""
        return self._program.search(_octets(text)) is not None

    def find(self, text: str) -> Groups | None:
        """Return the first match, whole, then each group ('' when it took no part); None without a match."""
        match = self._program.search(_octets(text))
        if match is None:
            return None
        found = (match.group(0), *match.groups(default=b""))
        return tuple(octets.decode("utf-8", "surrogateescape") for octets in found)


def regexp(line: Line, token: Token) -> Regexp:
    """Compile the word of a Corefile. Raises CorefileError."""
    try:
        return Regexp(token.text)
    except BadPattern as error:
        message = f"'{shown(token.text)}' is not a regular expression: {error}"
        raise line.error(message, token) from None


def expand(template: str, groups: Groups) -> str:
    """Put the groups of a match in the place of `{0}`, `{1}`, … one after the other, as CoreDNS does it.

    A group may hold `{2}`, which the next one replaces: a client could double a text at each step with the name that it
    asks for. It ends where the text is too long for any name.
    """
    for number, group in enumerate(groups):
        if len(template) > _EXPANDED_MAX:
            break
        template = template.replace(f"{{{number}}}", group)
    return template


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _reason(error: Exception) -> str:
    (reason,) = error.args
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
