"""What a parser found: warnings, and errors that do not hide what follows them."""

from __future__ import annotations

from collections.abc import Callable

from podname.corefile.stream import TooManyImports
from podname.corefile.tree import Token
from podname.errors import CorefileError


class Findings:
    """The errors and warnings of one Corefile, each told once."""

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
        """Keep an error."""
        self._errors.setdefault(str(error), error)

    def attempt(self, action: Callable[[], None]) -> None:
        """Do what may fail without hiding what follows, and keep its error."""
        try:
            action()
        except TooManyImports:
            raise
        except CorefileError as error:
            self.keep(error)

    def raise_first(self) -> None:
        """Raise the first error with all others in it, if there is any."""
        if self._errors:
            first, *others = self._errors.values()
            first.others = tuple(others)
            raise first
