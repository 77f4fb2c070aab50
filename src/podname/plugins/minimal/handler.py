"""Leave the authority and the additional section out of successful answers.

Of the engine's own answers only those for NS and SRV have something there.

Source: CoreDNS 1.15.0 plugin/minimal (pkg/response classifies).
"""

from __future__ import annotations

from podname.dns import constants as c
from podname.dns.message import BadMessage, Classification, Message, Section
from podname.dns.names import ROOT
from podname.engine.base import Code
from podname.plugins.base import Draft, Next, Plugin, Reply, Request

_TYPES = frozenset({c.NS, c.SRV, c.ANY})


class Minimal(Plugin):
    """`minimal`: what comes from the plugins behind it loses all but its answer."""

    name = "minimal"

    def plan(self, draft: Draft) -> None:
        """Ask the engine for the questions whose answers have more than an answer section."""
        draft.layers.append(Code((ROOT,), _TYPES))

    async def serve(self, request: Request, next_: Next) -> Reply:
        """Cut what comes back."""
        reply = await next_(request)
        return reply if reply is None else minimized(request, reply)


def minimized(request: Request, reply: bytes) -> bytes:
    """Return a response with its answer section alone, if it says something and does not delegate."""
    query = request.query
    message = Message(reply, query.end)
    try:
        if message.classify(query) is not Classification.SUCCESS:
            return reply
        answer = message.section(Section.ANSWER)
    except BadMessage:
        return reply
    end = answer[-1].end if answer else message.question_end
    counts = message.counts[:2] + bytes(4)
    return reply[:6] + counts + reply[12:end]
