r"""How text from others is shown to people, on a terminal or in a log.

Names of objects, their annotations, messages of an API server, words of a file and labels of DNS can hold anything:
escape sequences that rule a terminal, line ends that forge a line of a log, characters that turn the order of reading
round, and such as nobody sees. Messages carry such text as it is. What prints them, the formatters of the log and
`podname.cli.printing`, lets all of it through `escaped`, so that a new message cannot forget it.

Sources: ECMA-48 (control characters, also the 8-bit ones); Unicode UAX #9 (bidirectional controls), UAX #44
(general categories; Default_Ignorable_Code_Point).
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable
from types import TracebackType

_SHOWN_CHARACTERS_MAX = 60
#: Letters and marks, which Python counts as printable, that nobody sees.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
#: How the parts of a traceback begin that have several lines by themselves. A message begins with the error's class.
_LINES_OF_A_TRACEBACK = re.compile(
    r'[\s|+-]*(File "|The above exception was|During handling of the above)'
)


def escaped(text: str) -> str:
    r"""Return a text on one line, with an escape (`\n`, `\x1b`, `\u202e`) for what would not be seen as itself.

    That is all that Unicode counts as control (also a tab), format, separator (but the space), surrogate, private use
    or unassigned, and letters and marks that cannot be seen.
    """
    return _replaced(text, lambda character: character.encode("unicode_escape").decode())


def escaped_lines(text: str) -> str:
    r"""Return a text of several lines, each escaped. Only `\n` ends a line."""
    return "\n".join(map(escaped, text.split("\n")))


def escaped_json(document: str) -> str:
    """Return a JSON document of one line with the same values, written with JSON's own escapes."""
    return _replaced(document, lambda character: json.dumps(character)[1:-1])


def escaped_traceback(error: BaseException) -> str:
    """Return the traceback of an error. Its lines stay lines; the message of an error is on one."""
    return "".join(map(_traceback_part, traceback.format_exception(error))).rstrip("\n")


def shown(text: str, characters_max: int = _SHOWN_CHARACTERS_MAX) -> str:
    """Return a word as a message may quote it: cut when it is long."""
    return text if len(text) <= characters_max else text[:characters_max] + "…"


class EscapingFormatter(logging.Formatter):
    """Formats records of a log: the message on one line, a traceback below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Write the line of a record."""
        return escaped(self.line(record))

    def line(self, record: logging.LogRecord) -> str:
        """Return the line of a record, whose `message` is made, before it is escaped."""
        return super().formatMessage(record)

    def formatException(  # noqa: N802 - the library's name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Write a traceback."""
        return escaped_traceback(ei[1]) if ei[1] else ""


def _replaced(text: str, escape: Callable[[str], str]) -> str:
    if not _has_hidden(text):
        return text
    return "".join([escape(each) if _has_hidden(each) else each for each in text])


def _has_hidden(text: str) -> bool:
    return not text.isprintable() or (not text.isascii() and _UNSEEN.search(text) is not None)


def _traceback_part(part: str) -> str:
    if _LINES_OF_A_TRACEBACK.match(part):
        return escaped_lines(part)
    return escaped(part.rstrip("\n")) + "\n"
