"""Answer from zones that files hold.

Source: CoreDNS 1.15.0 plugin/file file.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from podname.dns.names import longest_match
from podname.engine.base import Code
from podname.errors import CorefileError
from podname.plugins.base import Context, Draft, Next, Plugin, Reply, Request
from podname.plugins.file.answers import look_up, response_of
from podname.plugins.file.zonefile import ZoneFile
from podname.runtime.tasks import Tasks
from podname.zones import BadZoneFile, Found, Result


class File(Plugin):
    """All `file` directives of a block."""

    name = "file"
    is_planned = True  # what comes from behind passes as it is

    def __init__(
        self, files: Sequence[ZoneFile], fallthrough: Sequence[bytes], context: Context
    ) -> None:
        self.files = {file.origin: file for file in files}
        self._fallthrough = frozenset(fallthrough)
        self._context = context
        self._tasks = Tasks()

    # ------------------------------------------------------------------ life

    async def prepare(self) -> None:
        """Read the zones. Raises CorefileError."""
        if self._context.elsewhere:
            return
        for file in self.files.values():
            place = file.word.place
            try:
                await file.read()
            except BadZoneFile as error:
                raise CorefileError(f"file: {error}", place) from None
            except OSError as error:
                if not file.reload_seconds:
                    raise CorefileError(f"file: {error}", place) from None
                self._context.warn(
                    f"{place}: {error}; tried again in {file.reload_seconds:g} s, SERVFAIL until then"
                )

    async def start(self) -> None:
        """Go on looking at the files."""
        for file in self.files.values():
            self._tasks.start(file.follow())

    async def stop(self) -> None:
        """Stop looking."""
        await self._tasks.end()

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the questions in these zones."""
        draft.layers.append(Code(tuple(self.files)))

    # --------------------------------------------------------------- answers

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Answer in the zones; hand on what is in none, and what is not there and falls through."""
        query = request.query
        origin = longest_match(query.folded, self.files)
        if origin is None:
            return await next_(request)
        found = await look_up(self.files[origin].zone, request)
        if found is None:
            return None
        if self._falls_through(found, query.folded):
            return await next_(request)
        return response_of(request, found)

    def _falls_through(self, found: Found, name: bytes) -> bool:
        is_denied = found.result in {Result.NAME_ERROR, Result.SUCCESS} and not found.answer
        return is_denied and longest_match(name, self._fallthrough) is not None
