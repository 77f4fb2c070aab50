"""What the Corefile says of `errors`.

Source: CoreDNS plugin/errors/setup.go.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Sequence

from podname.corefile import Directive, Line
from podname.corefile.properties import unknown_property
from podname.plugins.base import Context, once
from podname.plugins.errors.handler import Errors, Pattern

_PATTERN_OCTETS_MAX = 10_000
_LEVELS = {
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def setup(directives: Sequence[Directive], context: Context) -> Errors:
    """Read `errors [stdout] { stacktrace; consolidate DURATION REGEXP [LEVEL] [show_first] }`."""
    directive = once(directives)
    for file in directive.expect(0, 1):
        if file != "stdout":
            raise directive.error(f"invalid log file: {file}", directive.arguments[0])
    errors = Errors()
    for line in directive.block or ():
        if line.name.text == "stacktrace":
            errors.stacktrace = True
        elif line.name.text == "consolidate":
            errors.patterns.append(_pattern(line))
        else:
            raise unknown_property(line, "errors", ("stacktrace", "consolidate"))
    return errors


def _pattern(line: Line) -> Pattern:
    _, text, *_ = line.expect(2, 4)
    if len(text.encode()) > _PATTERN_OCTETS_MAX:
        raise line.error(
            f"the pattern is longer than {_PATTERN_OCTETS_MAX} octets", line.arguments[1]
        )
    level, show_first = _options(line)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # a nested set means different things
            pattern = re.compile(text)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        message = f"'{text}' is not a regular expression: {error}"
        raise line.error(message, line.arguments[1]) from None
    return Pattern(line.duration(0), pattern, level, show_first=show_first)


def _options(line: Line) -> tuple[int, bool]:
    """Read what follows the pattern: a level, then `show_first`."""
    level, show_first = None, False
    for token in line.arguments[2:]:
        if token.text == "show_first":
            show_first = True
        elif token.text not in _LEVELS:
            raise line.error(f"unknown option in consolidate: {token.text}", token)
        elif level is not None:
            raise line.error("multiple log levels specified in consolidate", token)
        elif show_first:
            raise line.error("log level must come before show_first in consolidate", token)
        else:
            level = _LEVELS[token.text]
    return logging.ERROR if level is None else level, show_first
