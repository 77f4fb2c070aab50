"""What the Corefile says of `errors`.

Source: CoreDNS plugin/errors/setup.go.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from podname.corefile import Directive, Line
from podname.corefile.properties import Properties, ReadContext, Value, flag, prop
from podname.corefile.regexp import regexp
from podname.plugins.base import Context, once
from podname.plugins.errors.handler import Errors, Pattern

_LEVELS = {
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}

Patterns = tuple[Pattern, ...]


def _consolidate(line: Line, before: Patterns, _: ReadContext) -> Patterns:
    level, show_first = _level_and_show_first(line)
    return *before, Pattern(
        line.duration(0), regexp(line, line.arguments[1]), level, show_first=show_first
    )


def _level_and_show_first(line: Line) -> tuple[int, bool]:
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


_CONSOLIDATE = Value("DURATION REGEXP [LEVEL] [show_first]", _consolidate, 2, 4)


@dataclass(frozen=True, slots=True)
class Options(Properties):
    """What `errors` takes."""

    SYNTAX = "[stdout]"

    stacktrace: bool = prop(False, flag())
    patterns: Patterns = prop((), _CONSOLIDATE, "consolidate")


def setup(directives: Sequence[Directive], context: Context) -> Errors:
    """Make the plugin. Raises CorefileError."""
    directive = once(directives)
    for file in directive.expect(0, 1):
        if file != "stdout":
            raise directive.error(f"invalid log file: {file}", directive.arguments[0])
    options = Options.read(directive, context)
    return Errors(options.patterns, stacktrace=options.stacktrace)
