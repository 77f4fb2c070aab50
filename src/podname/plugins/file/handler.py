"""Answer from zones that files hold.

Source: CoreDNS 1.15.0 plugin/file file.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from podname.dns import constants as c
from podname.dns.names import longest_match
from podname.dns.reply import build
from podname.engine.base import Code
from podname.errors import CorefileError, ServeError
from podname.plugins.base import Context, Draft, Next, Plugin, Reply, Request
from podname.plugins.file.zonefile import ZoneFile
from podname.plugins.lookup import asked
from podname.zones import BadZoneFile, Found, Lookup, Result

_OPCODE = 0x7800
_TRANSFERS = frozenset({c.AXFR, c.IXFR})
_RCODES = {Result.NAME_ERROR: c.NXDOMAIN, Result.SERVER_FAILURE: c.SERVFAIL}


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
        self._tasks: list[asyncio.Task[None]] = []

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
        self._tasks = [asyncio.create_task(file.follow()) for file in self.files.values()]

    async def stop(self) -> None:
        """Stop looking."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

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
        if query.qtype in _TRANSFERS:
            raise ServeError(c.REFUSED, "plugin/file: no transfer of zones")
        if query.flags & _OPCODE:
            return None  # NOTIFY is for secondaries
        lookup = Lookup(
            self.files[origin].zone,
            query.qtype,
            lambda name, qtype: asked(request, name, qtype),
            signed=query.dnssec_ok,
            lookups=request.lookups,
        )
        found = await lookup.find(query.folded)
        if self._falls_through(found, query.folded):
            return await next_(request)
        if found.result is Result.SERVER_FAILURE and not found.answer:
            raise ServeError(
                c.SERVFAIL, "plugin/file: the zone has not been read, or an alias leads in circles"
            )
        is_referral = found.result is Result.DELEGATION and not found.answer
        return build(
            query,
            answer=[record.pack() for record in found.answer],
            authority=[record.pack() for record in found.authority],
            additional=[record.pack() for record in found.additional],
            flags=0 if is_referral else c.AA,
            rcode=_RCODES.get(found.result, c.NOERROR),
        )

    def _falls_through(self, found: Found, name: bytes) -> bool:
        is_denied = found.result in {Result.NAME_ERROR, Result.SUCCESS} and not found.answer
        return is_denied and longest_match(name, self._fallthrough) is not None
