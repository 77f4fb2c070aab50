"""Everything that a command prints goes through here, so that no text from others rules a terminal.

What people read is escaped. What programs read (manifests, an inetrc, JSON) stays as it is.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from types import TracebackType

import click

from podname.text import EscapingFormatter, escaped, escaped_lines, escaped_traceback


def say(text: str) -> None:
    """Print for people, on standard output. The text may have several lines."""
    click.echo(escaped_lines(text))


def tell(message: str) -> None:
    """Print an error, a warning or a note on standard error, on one line."""
    click.echo(escaped(message), err=True)


def write(document: str) -> None:
    """Print for programs, as it is."""
    click.echo(document, nl=False)


@contextlib.contextmanager
def usage_errors_escaped() -> Iterator[None]:
    """Let click print what it refuses on one line: it quotes what was given."""
    try:
        yield
    except (click.MissingParameter, click.exceptions.NoArgsIsHelpError):
        raise  # these say only what is ours, on several lines
    except click.UsageError as error:
        raise click.UsageError(escaped(error.format_message()), error.ctx) from None


def escape_the_unforeseen() -> None:
    """Escape what Python prints by itself: an error that nobody caught, a warning in a log that nobody set up."""
    sys.excepthook = _tell_traceback
    if logging.lastResort:
        logging.lastResort.setFormatter(EscapingFormatter())


def _tell_traceback(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    click.echo(escaped_traceback(error), err=True)
