"""What was found while reading: errors that do not hide what follows them, and warnings. Each is told once.

The parser, a directive's block and the setting up of all directives gather their errors here, so that one run tells
them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from podname.corefile.tree import Token
from podname.errors import CorefileError


class Findings:
    """The errors and warnings of one piece of work."""

    def __init__(self) -> None:
        # By their texts: a mistake in a snippet would else be told at each of its imports.
        self._warnings: dict[str, None] = {}
        self._errors: dict[str, CorefileError] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings, each beginning with its place."""
        return tuple(self._warnings)

    def warn(self, token: Token, message: str) -> None:
        """Keep a warning about `token`."""
        self._warnings[f"{token.place}: {message}"] = None

    def report(self, token: Token, message: str) -> None:
        """Keep an error at `token`."""
        self.keep(CorefileError(message, token.place))

    def keep(self, error: CorefileError) -> None:
        """Keep an error, and the others in it."""
        for each in (error, *error.others):
            self._errors.setdefault(str(each), each)

    @contextmanager
    def gathered(self, directive: str = "") -> Iterator[None]:
        """Keep the error that the block ends with, which will name the `directive`, and go on behind it."""
        try:
            yield
        except CorefileError as error:
            if directive and f" of {directive}" not in error.message:
                error.message = f"{error.message} (in {directive})"
            self.keep(error)

    def raise_all(self) -> None:
        """Raise the first error with all others in it, in the order of their places, if there is any."""
        if self._errors:
            first, *others = sorted(self._errors.values(), key=_place)
            first.others = tuple(others)
            raise first


def _place(error: CorefileError) -> tuple[str, int, int]:
    place = error.place
    return (place.file, place.line, place.column) if place else ("", 0, 0)
