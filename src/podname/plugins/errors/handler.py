"""Log the queries that could not be answered, many alike as one.

A plugin that cannot answer raises ServeError; this one logs it and lets it pass on to the server,
which answers with its RCODE. Errors that match a `consolidate` pattern are counted instead, and
their number is logged when the period that began with the first of them is over.

Source: CoreDNS plugin/errors.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from podname.corefile.regexp import Regexp
from podname.dns import names
from podname.dns.texts import type_text
from podname.errors import ServeError
from podname.plugins.base import Next, Plugin, Reply, Request
from podname.plugins.durations import go_text

_log = logging.getLogger(__name__)


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Make it not happen."""


Later = Callable[[float, Callable[[], None]], Timer]


class Pattern:
    """Errors that are counted together, and how their number is told."""

    def __init__(
        self, period_seconds: float, pattern: Regexp, level: int, *, show_first: bool
    ) -> None:
        self.period_seconds = period_seconds
        self.pattern = pattern
        self.level = level
        self.show_first = show_first
        self.count = 0
        self._timer: Timer | None = None

    def absorb(self, later: Later) -> bool:
        """Count one more error; False when this one is to be logged on its own."""
        self.count += 1
        if self.count > 1:
            return True
        self._timer = later(self.period_seconds, self.tell)
        return not self.show_first

    def tell(self) -> None:
        """Log how many there were, and begin anew."""
        count, self.count = self.count, 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if count > 1 or (count == 1 and not self.show_first):
            text, period = self.pattern.pattern, go_text(self.period_seconds)
            _log.log(self.level, "%d errors like '%s' occurred in last %s", count, text, period)


class Errors(Plugin):
    """`errors`: sees what the plugins after it could not answer."""

    name = "errors"
    is_planned = True

    def __init__(
        self,
        patterns: Sequence[Pattern] = (),
        *,
        stacktrace: bool = False,
        later: Later | None = None,
    ) -> None:
        self.patterns = patterns
        self.stacktrace = stacktrace
        self._later = later
        self._stopped = False

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Hand the query on and log the error that comes back."""
        try:
            return await next_(request)
        except ServeError as error:
            self._report(request, error)
            raise

    async def stop(self) -> None:
        """Tell what has been counted so far; what comes later is logged at once."""
        self._stopped = True
        for pattern in self.patterns:
            pattern.tell()

    def _report(self, request: Request, error: ServeError) -> None:
        text, level = str(error), logging.ERROR
        later = self._later or asyncio.get_running_loop().call_later
        for pattern in self.patterns:
            if pattern.pattern.matches(text):
                if not self._stopped and pattern.absorb(later):
                    return
                level = pattern.level
                break
        query = request.query
        name = names.to_text(query.folded)
        _log.log(level, "%d %s %s: %s", error.rcode, name, type_text(query.qtype), text)
