"""Set and clear AA, RA and RD in queries on their way in and in responses on their way out.

Source: CoreDNS 1.15.0 plugin/header.
"""

from __future__ import annotations

from dataclasses import dataclass

from podname.dns.message import Message
from podname.dns.names import ROOT
from podname.dns.query import Query, parse
from podname.engine.base import Code
from podname.plugins.base import Draft, Next, Plugin, Reply, Request


@dataclass(frozen=True, slots=True)
class Flags:
    """What is done to a header: bits that are set, and bits that are cleared. No bit is both."""

    set_: int = 0
    clear: int = 0

    def then(self, bits: int, *, is_set: bool) -> Flags:
        """Return these, and what another rule does after them."""
        if is_set:
            return Flags(self.set_ | bits, self.clear & ~bits)
        return Flags(self.set_ & ~bits, self.clear | bits)

    def applied(self, message: bytes) -> bytes:
        """Return the message with its flags changed."""
        return Message(message).with_flags(set_=self.set_, clear=self.clear)


class Header(Plugin):
    """`header`: changes what the plugins behind it see, and what they say."""

    name = "header"

    def __init__(self, query: Flags, response: Flags) -> None:
        self.query, self.response = query, response

    def plan(self, draft: Draft) -> None:
        """Ask the engine for every question."""
        draft.layers.append(Code((ROOT,)))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Change the query, hand it on, change the response."""
        asked = request.query
        changed = parse(self.query.applied(asked.packet))
        if isinstance(changed, Query):
            request.query = changed
        try:
            reply = await next_(request)
        finally:
            request.query = asked
        return reply if reply is None else self.response.applied(reply)
